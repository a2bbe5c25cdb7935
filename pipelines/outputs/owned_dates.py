"""Which dates does a running stream write? A batch run leaves those alone, or says why it stops."""

import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.options.flags import UsageError
from pipelines.outputs.open_warehouse import Tables

FirstOwned = Callable[[int], datetime.date]
"""Gives the first date that a stream still writes, by its watermark (`Retention.owned_from`)."""
_REFUSAL = re.compile(r"the stream \S+ \([^\n]* writes [^\n]* if it is gone")
_COLUMNS = ["run_id", "mode", "status", "started_at", "finished_at", "inputs", "owned_from_date"]


@dataclass(frozen=True)
class RunningStream:
    """A registered stream. It writes dates from `owned_from_date` on; `seen_at`: last commit."""

    run_id: str
    inputs: str
    started_at: datetime.datetime
    seen_at: datetime.datetime
    owned_from_date: datetime.date | None


class OwnedDatesError(UsageError):
    """A batch run is about to write dates that a running stream owns."""


def running_streams(lake: Tables) -> list[RunningStream]:
    """The registered streams that did not end for good, the oldest first.

    One that was stopped holds open sessions in its checkpoint: it goes on from there.
    """
    runs = lake.read("pipeline_runs", columns=_COLUMNS)
    running = runs.filter(
        pl.col("mode") == "streaming", pl.col("status").is_in(("running", "stopped"))
    )
    return [
        RunningStream(
            row["run_id"], row["inputs"], row["started_at"], row["finished_at"],
            row["owned_from_date"],
        )
        for row in running.sort("started_at", "run_id").iter_rows(named=True)
    ]  # fmt: skip


def all_dates(dates: tuple[datetime.date, datetime.date]) -> set[datetime.date]:
    """Every date from the first to the last."""
    first, last = dates
    return {first + datetime.timedelta(days=n) for n in range((last - first).days + 1)}


def refuse_owned(lake: Tables, dates: Iterable[datetime.date]) -> None:
    """Raise OwnedDatesError if a running stream owns one of `dates`."""
    wanted = sorted(dates)
    for stream in running_streams(lake):
        first = stream.owned_from_date
        if owned := [date for date in wanted if first is None or date >= first]:
            raise OwnedDatesError(_message(stream, owned))


def _message(stream: RunningStream, owned: list[datetime.date]) -> str:
    first, last = str(owned[0]), str(owned[-1])
    named = first if first == last else f"{first} to {last}"
    return (
        f"the stream {stream.run_id} ({stream.inputs}, last commit "
        f"{stream.seen_at:%Y-%m-%d %H:%M:%S} UTC) writes {named}: set --end_date before "
        f"{stream.owned_from_date or first}, end it with pipelines.end_stream, or use --force "
        "if it is gone"
    )


def refusal_in(text: str) -> str | None:
    """The message of an OwnedDatesError in the text of an error that Beam made of it, if any."""
    found = _REFUSAL.search(text)
    return found.group() if found else None
