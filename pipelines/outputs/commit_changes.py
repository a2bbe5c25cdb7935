"""How does a stream keep the tables of BigQuery current? Each round appends what has changed.

Readers see a round whole or not at all, as in a folder (`pipelines.outputs.commit_stream`). Nothing
is read from the tables but at the start, and of the days whose trends are found anew.
"""

import datetime
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.observability import observe
from pipelines.observability.health import HEALTH
from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.connect import BigQueryError
from pipelines.outputs.bigquery.rounds import Rounds, SupersededError
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.outputs.bigquery.warehouse import BigQueryWarehouse, open_bigquery
from pipelines.outputs.commit_run import describe_dimensions
from pipelines.outputs.commit_stream import StreamFacts, UnwritableLakeError
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.follow_trends import ANOMALIES, trend_changes
from pipelines.outputs.lay_changes import LaidOver, as_changes, joined, newest_changes
from pipelines.outputs.owned_dates import FirstOwned
from pipelines.outputs.register_stream import counts_of, stream_row
from pipelines.readers.snapshot import WarehouseError
from schemas import arrow, tables
from schemas.streamed import is_streamed
from transforms.derive import DeriveOptions
from transforms.describe_dimensions import describe_dates
from transforms.diff_rows import IS_DELETED, diff_rows
from transforms.present import present

Changes = Mapping[str, pl.DataFrame]
_EVENTS, _DATES, _RUNS = "events", "dim_dates", "pipeline_runs"
_REFUSALS = (WarehouseError, BigQueryError, SupersededError)


@dataclass
class _Begun:
    """What a process knows of the warehouse.

    `row`: of the run; `dates`: those with events; `dimensions`: their changes, for the first round.
    """

    lake: BigQueryWarehouse
    rounds: Rounds
    row: dict[str, Any]
    dates: set[datetime.date]
    dimensions: dict[str, pl.DataFrame]


class ChangeCommits:
    """The commits of one process; the same ones for all its threads."""

    def __init__(
        self, address: Address, run: Run, known: DeriveOptions, first_owned: FirstOwned
    ) -> None:
        self._address, self._run, self._known = address, run, known
        self._first_owned = first_owned
        self._begun: _Begun | None = None
        self._one_at_a_time = threading.Lock()

    def commit(
        self,
        changes: Changes,
        facts: StreamFacts | None,
        trending: Collection[datetime.date] = (),
    ) -> dict[str, Any]:
        """Append the changes of tables and the row of the run as one round; that row.

        `trending`: dates whose chapter-days changed, in this round or before: their trends follow.
        Errors: UnwritableLakeError; the next try begins anew, as a process just started does.
        """
        with self._one_at_a_time:
            try:
                return self._commit(changes, facts, trending)
            except _REFUSALS as error:
                self._forget()
                raise UnwritableLakeError(str(error)) from error

    def _commit(
        self,
        changes: Changes,
        facts: StreamFacts | None,
        trending: Collection[datetime.date],
    ) -> dict[str, Any]:
        begun = self._begun = self._begun or self._begin()
        kept = {name: newest_changes(name, frame) for name, frame in changes.items()}
        dates = _dates_after(begun, kept[_EVENTS]) if _EVENTS in kept else begun.dates
        row = self._row(begun, facts)
        added = {**begun.dimensions, _RUNS: as_changes(row)}
        added |= self._calendar_changes(begun, dates)
        if trending:
            found = trend_changes(LaidOver(begun.lake.read, kept).read, trending, _now())
            added[ANOMALIES] = joined(ANOMALIES, kept.get(ANOMALIES), found)
        begun.rounds.commit(_streamed({**kept, **added}), _tell)
        _count(kept)
        HEALTH.note_commit()
        begun.row, begun.dates, begun.dimensions = row.row(0, named=True), dates, {}
        return begun.row

    def _begin(self) -> _Begun:
        """Take the place of the process before."""
        lake = open_bigquery(self._address, staging="")
        rounds = Rounds(lake.client, self._address, self._run.run_id)
        dates = lake.dates(_EVENTS)
        row = stream_row(lake.read(_RUNS), self._run.run_id) or {}
        wanted = describe_dimensions(dates, self._known)
        frames = {n: present(n, frame, self._run.started_at) for n, frame in wanted.items()}
        changed = {n: diff_rows(n, lake.read(n), frame) for n, frame in frames.items()}
        dimensions = {n: as_changes(frame) for n, frame in changed.items()}
        return _Begun(lake, rounds, row, dates, dimensions)

    def _calendar_changes(self, begun: _Begun, dates: set[datetime.date]) -> Changes:
        """The calendar reaches from the first date with an event to the last."""
        before, after = (_calendar(of, self._run.started_at) for of in (begun.dates, dates))
        changed = as_changes(diff_rows(_DATES, before, after))
        return {_DATES: joined(_DATES, begun.dimensions.get(_DATES), changed)}

    def _row(self, begun: _Begun, facts: StreamFacts | None) -> pl.DataFrame:
        counts = facts.counts if facts else Counter(counts_of(begun.row) if begun.row else {})
        owned_from = begun.row.get("owned_from_date")
        if facts and facts.watermark_ms is not None:
            owned_from = self._first_owned(facts.watermark_ms)
        return describe_run(self._run, counts, {}, "running", owned_from)

    def _forget(self) -> None:
        if self._begun:
            self._begun.rounds.close()
        self._begun = None


_commits: dict[tuple[Address, str], ChangeCommits] = {}
_opening = threading.Lock()


def open_changes(
    address: Address, run: Run, known: DeriveOptions, first_owned: FirstOwned
) -> ChangeCommits:
    """The commits of this process to a warehouse for a run: one, however often it is asked for.

    A process can have several copies of a step, and uses now one and now another.
    """
    with _opening:
        asked = (address, run.run_id)
        if asked not in _commits:
            _commits[asked] = ChangeCommits(address, run, known, first_owned)
        return _commits[asked]


def _dates_after(begun: _Begun, events: pl.DataFrame) -> set[datetime.date]:
    """Dates with events after a round. Of those that lost some only the ends matter."""
    removed = events.filter(pl.col(IS_DELETED))
    written = set(events.filter(~pl.col(IS_DELETED))["event_date"])
    dates = begun.dates | written
    ends = {min(dates), max(dates)} if dates else set()
    for date in ends & set(removed["event_date"]) - written:
        if _is_empty(begun.lake, date, removed):
            dates.discard(date)
    return dates


def _is_empty(lake: BigQueryWarehouse, date: datetime.date, removed: pl.DataFrame) -> bool:
    """Whether a date has no events but those that go. One more than these tells."""
    going = set(removed.filter(pl.col("event_date") == date)["event_id"])
    sql = (
        f"SELECT event_id FROM silver.events WHERE event_date = DATE '{date}' "
        f"LIMIT {len(going) + 1}"
    )
    named = lake.address.localise(sql)
    found = rows_of(lake.client, lake.address, named, "see which dates have events")
    return set(found["event_id"]) <= going


def _calendar(dates: Collection[datetime.date], now: datetime.datetime) -> pl.DataFrame:
    described = describe_dates(dates)
    if described.is_empty():
        return pl.DataFrame(arrow.schema(_DATES).empty_table())
    return present(_DATES, described, now)


def _streamed(changes: Changes) -> dict[str, pl.DataFrame]:
    return {n: f for n, f in changes.items() if is_streamed(tables.get(n)) and not f.is_empty()}


def _tell(name: str, seconds: float) -> None:
    observe.observe("commit_seconds", seconds, table=name)


def _count(changes: Changes) -> None:
    for name, frame in changes.items():
        retracted = int(frame[IS_DELETED].sum())
        observe.count("rows_retracted", retracted, table=name)
        observe.count("rows_upserted", frame.height - retracted, table=name)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
