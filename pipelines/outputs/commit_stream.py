"""How does a stream change the lake every few seconds? A commit per table, then the row of its run.

Readers follow the row, so that nobody sees the changes of one table without those of another. What
a process that died left between two commits is taken back before anything else is written.
"""

import datetime
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipelines.observability import observe
from pipelines.observability.health import HEALTH
from pipelines.outputs.commit_run import commit_dimensions
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.find_keys import FoundKeys
from pipelines.outputs.follow_trends import ANOMALIES, CHAPTERS, trend_changes
from pipelines.outputs.lake import Lake
from pipelines.outputs.owned_dates import FirstOwned
from pipelines.outputs.recover import committing, undo_half, whole_versions
from pipelines.outputs.register_stream import as_newest, counts_of, stream_row, write_row
from pipelines.outputs.tend_tables import is_due, tend
from pipelines.outputs.upsert_rows import upsert
from pipelines.readers.snapshot import CREATED
from schemas import tables
from transforms.derive import DeriveOptions
from transforms.describe_dimensions import describe_dates
from transforms.present import present

_THREADS = 4
REOPENED_ROUNDS = 100
"""An open table keeps what it has read of its log, some KiB a commit, and looks through it."""
_DIMENSIONS = ("dim_courses", "dim_chapters", "dim_questions", "dim_dates")


class UnwritableLakeError(Exception):
    """The warehouse cannot be written; nothing of the bundle is visible."""


@dataclass(frozen=True)
class StreamFacts:
    """Counts of a run so far, and its watermark (epoch ms) if it is known."""

    counts: Counter[str]
    watermark_ms: int | None


class StreamCommits:
    """What one process keeps between its commits: open tables, and the keys of their files."""

    def __init__(self, lake: Lake, run: Run, known: DeriveOptions, first_owned: FirstOwned) -> None:
        self._lake, self._run, self._known = lake, run, known
        self._first_owned = first_owned
        self._keys = FoundKeys(lake.warehouse)
        self._open: dict[str, DeltaTable] = {}
        self._dates: set[datetime.date] | None = None
        self._rounds = 0

    def commit(
        self,
        changes: Mapping[str, pl.DataFrame],
        facts: StreamFacts | None,
        trending: Collection[datetime.date] = (),
    ) -> dict[str, Any]:
        """Apply changes by table, then write the row of the run, and return it.

        `trending`: dates whose chapter-days changed, in this round or before: their trends follow.
        Errors: UnwritableLakeError.
        """
        try:
            with committing(self._lake.warehouse):
                return self._commit(changes, facts, trending)
        except (DeltaError, OSError) as error:
            message = f"cannot write to {self._lake.warehouse}, check its rights and space: {error}"
            raise UnwritableLakeError(message) from error

    def _commit(
        self,
        changes: Mapping[str, pl.DataFrame],
        facts: StreamFacts | None,
        trending: Collection[datetime.date],
    ) -> dict[str, Any]:
        runs = self._table("pipeline_runs")
        whole = whole_versions(runs)
        whole = whole | self._start(whole)
        # Each table is changed once in a round: a second commit would look like half of a dead one.
        at_once = {n: frame for n, frame in changes.items() if not (trending and n == ANOMALIES)}
        versions = dict(whole)
        with ThreadPoolExecutor(_THREADS) as threads:
            kept = [
                threads.submit(self._keep, name, frame, whole) for name, frame in at_once.items()
            ]
            versions.update(done.result() for done in kept)
        if "events" in changes:
            versions.update(self._follow_dates(whole))
        if trending:
            versions.update(self._follow_trends(changes, trending, whole))
        row = self._write_row(runs, versions, facts)
        HEALTH.note_commit()
        self._rounds += 1
        if is_due(self._rounds):
            tend(list(self._open.items()), versions)
        if self._rounds % REOPENED_ROUNDS == 0:
            self._open.clear()
        return row

    def _table(self, name: str) -> DeltaTable:
        """A table at its latest version."""
        if name not in self._open:
            self._open[name] = self._lake.open(name)
        self._open[name].update_incremental()
        return self._open[name]

    def _whole_table(self, name: str, whole: Mapping[str, int]) -> DeltaTable:
        """A table at its latest version, which is one that no half of a run is in."""
        delta = self._table(name)
        base = whole.get(tables.get(name).full_name, CREATED)
        undo_half(delta, base, living=None, dead=self._run.run_id)
        return delta

    def _start(self, whole: Mapping[str, int]) -> dict[str, int]:
        """The dimensions, once for each process."""
        if self._dates is not None:
            return {}
        for name in _DIMENSIONS:
            self._whole_table(name, whole)
        # A name of its own: a commit of this run may have been made before, and taken back.
        again = replace(self._run, run_id=f"{self._run.run_id}.{uuid.uuid4().hex[:8]}")
        commit_dimensions(self._lake, again, self._known)
        self._dates = self._lake.dates("events")
        return {tables.get(name).full_name: self._table(name).version() for name in _DIMENSIONS}

    def _keep(self, name: str, changes: pl.DataFrame, whole: Mapping[str, int]) -> tuple[str, int]:
        """Full name and new version of a table."""
        began = time.perf_counter()
        table, delta = tables.get(name), self._whole_table(name, whole)
        upsert(delta, self._lake.warehouse, table, changes, self._keys, self._run.run_id)
        observe.observe("commit_seconds", time.perf_counter() - began, table=name)
        retracted = int(changes["is_deleted"].sum())
        observe.count("rows_retracted", retracted, table=name)
        observe.count("rows_upserted", changes.height - retracted, table=name)
        return table.full_name, delta.version()

    def _follow_dates(self, whole: Mapping[str, int]) -> list[tuple[str, int]]:
        """The calendar reaches from the first date with an event to the last."""
        dates = self._lake.dates("events")
        if dates == self._dates:
            return []
        stored = self._lake.read("dim_dates").with_columns(is_deleted=True, revision=0)
        current = present("dim_dates", describe_dates(dates), self._run.started_at)
        current = current.with_columns(is_deleted=False, revision=1)
        changes = pl.concat([stored.select(current.columns), current], how="vertical_relaxed")
        self._dates = dates
        return [self._keep("dim_dates", changes, whole)]

    def _follow_trends(
        self,
        changes: Mapping[str, pl.DataFrame],
        trending: Collection[datetime.date],
        whole: Mapping[str, int],
    ) -> list[tuple[str, int]]:
        """Anomalies of the round, and the trends that its chapter-days and earlier ones changed."""
        # What this round has changed is whole, and newer than what readers see.
        for name in [ANOMALIES] if CHAPTERS in changes else [ANOMALIES, CHAPTERS]:
            self._whole_table(name, whole)
        now = datetime.datetime.now(datetime.UTC)
        frames = [trend_changes(self._lake.read, trending, now)]
        frames += [changes[ANOMALIES]] if ANOMALIES in changes else []
        changed = pl.concat(frames, how="diagonal_relaxed")
        return [] if changed.is_empty() else [self._keep(ANOMALIES, changed, whole)]

    def _write_row(
        self, runs: DeltaTable, versions: Mapping[str, int], facts: StreamFacts | None
    ) -> dict[str, Any]:
        before = stream_row(pl.DataFrame(runs.to_pyarrow_table()), self._run.run_id) or {}
        counts = facts.counts if facts else counts_of(before)
        owned_from = before.get("owned_from_date")
        if facts and facts.watermark_ms is not None:
            owned_from = self._first_owned(facts.watermark_ms)
        row = describe_run(self._run, counts, dict(versions), "running", owned_from)
        row = as_newest(runs, row)
        write_row(runs, self._lake.warehouse, row, self._keys)
        return row.row(0, named=True)
