"""Who else writes to a warehouse? A stream says in the table of runs from when until when it runs.

Its row is the same for as long as it runs: every commit writes it anew.
"""

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable

from pipelines.outputs.bigquery.rounds import Rounds
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.find_keys import FoundKeys
from pipelines.outputs.lake import Lake
from pipelines.outputs.lay_changes import as_changes, newest_changes
from pipelines.outputs.open_warehouse import Tables
from pipelines.outputs.owned_dates import running_streams
from pipelines.outputs.recover import committing, undo_dead_runs, whole_versions
from pipelines.outputs.upsert_rows import upsert
from pipelines.readers.snapshot import CREATED, RUNS, completed_runs
from pipelines.record_maintenance import readable_version
from schemas import tables

_RUNS, _NOBODY = "pipeline_runs", ""
LOG_RETENTION = {"delta.logRetentionDuration": "interval 2 days"}
"""A stream commits every few seconds: with the 30 days of the default a log would hold millions."""


def register_stream(lake: Tables, run: Run, owned_from: datetime.date) -> None:
    """Make the tables, and say that a stream writes dates from `owned_from` on.

    A stream of the same inputs that is registered as running counts as failed from now on: this is
    the one that takes its place. In BigQuery tables are not made: WarehouseError if one is missing.
    """
    lake.create_tables()
    with _alone(lake, run.run_id):
        runs = lake.read(_RUNS)
        same = (stream for stream in running_streams(lake) if stream.inputs == run.inputs)
        others = sorted({stream.run_id for stream in same} - {run.run_id})
        known = stream_row(runs, run.run_id)
        counts = counts_of(known) if known else Counter()
        versions = _readable_versions(lake) if isinstance(lake, Lake) else {}
        row = describe_run(run, counts, versions, "running", owned_from)
        _write(lake, [*(_ended(runs, other, "failed") for other in others), row])


def end_stream(lake: Tables, run_id: str, status: str) -> None:
    """Say that a stream does not run; `status`: stopped (it goes on later), completed or failed."""
    with committing(lake.warehouse) if isinstance(lake, Lake) else nullcontext():
        _write(lake, [_ended(lake.read(_RUNS), run_id, status)])


def stream_row(runs: pl.DataFrame, run_id: str) -> dict[str, Any] | None:
    """The row of a stream among the rows of the table of runs."""
    rows = runs.filter(pl.col("run_id") == run_id)
    return rows.row(0, named=True) if rows.height else None


def counts_of(row: Mapping[str, Any]) -> Counter[str]:
    """The counts that a row of a run holds."""
    counts = Counter({name: n for name, n in row.items() if isinstance(n, int)})
    reasons = json.loads(row["dead_letters_by_reason"] or "{}")
    counts.update({f"dead_letters/{reason}": n for reason, n in reasons.items()})
    return counts


def write_row(delta: DeltaTable, warehouse: str, row: pl.DataFrame, keys: FoundKeys) -> None:
    """Put the row of a run in the place of the one it has."""
    run_id = row["run_id"][0]
    upsert(delta, warehouse, tables.get(_RUNS), as_changes(row), keys, run_id)


def as_newest(runs: DeltaTable, row: pl.DataFrame) -> pl.DataFrame:
    """The row, finished later than all others even where the clock of a machine is ahead of ours.

    `runs`: the table of runs, at its latest version.
    """
    newest = completed_runs(runs, 1)
    if not newest:
        return row
    least = newest[0].finished_at + datetime.timedelta(microseconds=1)
    return row.with_columns(finished_at=pl.max_horizontal("finished_at", pl.lit(least)))


@contextmanager
def _alone(lake: Tables, run_id: str) -> Iterator[None]:
    """No other run commits meanwhile, and half of one that died is not there."""
    if not isinstance(lake, Lake):
        with lake.turn(run_id):
            yield
        return
    with committing(lake.warehouse):
        undo_dead_runs(lake, _NOBODY)
        _limit_logs(lake, run_id)
        yield


def _ended(runs: pl.DataFrame, run_id: str, status: str) -> pl.DataFrame:
    """The row of a run with another status; no row of a run that there is not."""
    ended = runs.filter(pl.col("run_id") == run_id).with_columns(status=pl.lit(status))
    return ended if status == "stopped" else ended.with_columns(owned_from_date=None)


def _write(lake: Tables, rows: Iterable[pl.DataFrame]) -> None:
    """Put rows of runs, a frame for each, in the place of those that they have."""
    frames = [frame for frame in rows if not frame.is_empty()]
    if isinstance(lake, Lake):
        for frame in frames:
            write_row(lake.open(_RUNS), lake.warehouse, frame, FoundKeys(lake.warehouse))
    elif frames:
        changes = as_changes(pl.concat(frames, how="diagonal_relaxed"))
        rounds = Rounds(lake.client, lake.address, frames[-1]["run_id"][0])
        rounds.commit({_RUNS: newest_changes(_RUNS, changes)})
        rounds.close()


def _readable_versions(lake: Lake) -> dict[str, int]:
    """The versions that readers see now, or later ones with the same rows."""
    whole = whole_versions(lake.open(_RUNS))
    return {
        table.full_name: readable_version(
            lake.open(table.name), whole.get(table.full_name, CREATED)
        )
        for table in tables.tables().values()
        if table.full_name != RUNS
    }


def _limit_logs(lake: Lake, run_id: str) -> None:
    for table in tables.tables().values():
        delta = lake.open(table.name)
        if not LOG_RETENTION.items() <= delta.metadata().configuration.items():
            maker = CommitProperties(custom_metadata={"run_id": run_id})
            delta.alter.set_table_properties(LOG_RETENTION, commit_properties=maker)
