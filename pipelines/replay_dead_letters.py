"""How do dead letters come back after a fix? Those that can be used now are put where they belong.

Their dates are run again over the input and the letters' payloads together, so that sessions come
out whole; what the input holds too counts once, as any redelivery does.
"""

import argparse
import base64
import datetime
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipelines import storage
from pipelines.batch import exit_code, plan_batch, run_batch, topic_of
from pipelines.observability import progress
from pipelines.observability.logs import leave
from pipelines.options.batch_options import BatchOptions, UsageError, parse_batch_options
from pipelines.outputs.lake import Lake
from pipelines.readers.snapshot import open_snapshot
from transforms.calendar import dates as dates_in_zone
from transforms.parse_events import ParseSettings, parse_block

_FOLDER = "_replay"
LOST = "unreadable_source"
"""Letters of this reason stand for what could not be read: the file itself has to be mended."""


@dataclass
class Letters:
    """Payloads of dead letters as a block of records."""

    source: str
    records: list[bytes]
    failure: None = None

    def position(self, index: int) -> str:
        """Place among the letters."""
        return str(index)


def main(argv: Sequence[str] | None = None) -> int:
    """Replay; the exit code."""
    known, rest = build_parser().parse_known_args(sys.argv[1:] if argv is None else list(argv))
    return exit_code(lambda: _run(known, rest))


def _run(known: argparse.Namespace, rest: list[str]) -> None:
    source = known.input or _inputs_so_far(known.warehouse)
    flags = [f"--warehouse={known.warehouse}", f"--input={source}", *rest]
    options = parse_batch_options(flags)
    progress.start_logging(options.log_format)
    replay(options, known.reason)


def replay(options: BatchOptions, reason: str | None) -> None:
    """Replay the letters (of one reason, or all)."""
    lake = Lake(options.warehouse)
    # Payloads that a replay which was killed has left: they are still among the letters.
    storage.remove_folder(storage.join(options.warehouse, _FOLDER))
    letters = open_letters(lake, reason)
    plan = plan_batch(options, "replay")
    clean = replace(plan.parse.clean, key=plan.parse.load_key())
    usable = find_usable(letters, replace(plan.parse, clean=clean))
    print(f"{letters.height} dead letters, {usable.height} of them can be used now")
    for first, last in spans(usable["date"].unique().sort().to_list()):
        run_span(options, usable.filter(pl.col("date").is_between(first, last)), (first, last))


def open_letters(lake: Lake, reason: str | None) -> pl.DataFrame:
    """Letters that were not replayed yet and hold a record."""
    letters = lake.read("dead_letters").filter(~pl.col("is_replayed"), pl.col("reason") != LOST)
    return letters if reason is None else letters.filter(pl.col("reason") == reason)


def find_usable(letters: pl.DataFrame, settings: ParseSettings) -> pl.DataFrame:
    """The letters that parse with today's code and options, with the `date` of their event."""
    found = [(row, date) for row, date in enumerate(_event_dates(letters, settings)) if date]
    rows, dates = zip(*found, strict=True) if found else ((), ())
    return letters[list(rows)].with_columns(pl.Series("date", dates, pl.Date))


def _event_dates(letters: pl.DataFrame, settings: ParseSettings) -> Iterator[datetime.date | None]:
    for line in envelopes(letters):
        events = parse_block(Letters("", [line]), settings).events
        if events.is_empty():
            yield None
        else:
            yield dates_in_zone(events["occurred_ms"], settings.timezone)[0]


def envelopes(letters: pl.DataFrame) -> Iterator[bytes]:
    """The letters as lines of the raw zone: a record as received, when, and from which topic."""
    for letter in letters.iter_rows(named=True):
        received = letter["received_at"]
        envelope = {
            "received_at": received.isoformat() if received else None,
            "topic": topic_of(letter["source"]) or letter["source"],
            "message_id": letter["dead_letter_id"],
            "record_base64": base64.b64encode(zlib.decompress(letter["payload"])).decode(),
        }
        yield json.dumps(envelope).encode()


def spans(dates: Iterable[datetime.date]) -> list[tuple[datetime.date, datetime.date]]:
    """Dates in order as runs of consecutive days: first and last of each."""
    found: list[tuple[datetime.date, datetime.date]] = []
    for date in dates:
        if found and date - found[-1][1] == datetime.timedelta(days=1):
            found[-1] = (found[-1][0], date)
        else:
            found.append((date, date))
    return found


def run_span(
    options: BatchOptions, letters: pl.DataFrame, dates: tuple[datetime.date, datetime.date]
) -> None:
    """Run some dates again over the input and the letters."""
    path = storage.join(options.warehouse, _FOLDER, f"{letters['dead_letter_id'][0]}.jsonl")
    storage.write_file(path, b"\n".join(envelopes(letters)))
    try:
        again = replace(options, input=(*options.input, path), dates=dates)
        run_batch(again, "replay", replayed=tuple(letters["dead_letter_id"]))
    finally:
        storage.remove_file(path)


def _inputs_so_far(warehouse: str) -> str:
    """What the completed runs of a warehouse have read."""
    runs = open_snapshot(warehouse).polars("ops.pipeline_runs")
    batches = runs.filter(pl.col("mode") == "batch", pl.col("status") == "completed")
    patterns = {pattern for text in batches["inputs"] for pattern in json.loads(text)}
    if not patterns:
        raise UsageError(f"no run of {warehouse} has read anything yet; give --input")
    return ",".join(sorted(patterns))


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.replay_dead_letters",
        description=__doc__,
        epilog="All options of pipelines.batch are understood besides; give those of the batch.",
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help="the warehouse with the dead letters")
    parser.add_argument("--input", help="where the other events of those dates are "
                        "(default: what the runs so far have read)")  # fmt: skip
    parser.add_argument("--reason", help="replay the letters of this reason only")
    return parser


if __name__ == "__main__":
    from pipelines.replay_dead_letters import main as run_main

    leave(run_main())
