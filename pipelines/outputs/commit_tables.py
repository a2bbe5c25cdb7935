"""How do new rows of a few tables become visible, while others may write to the rest?

Each table changes in one commit. The row of the run, last, names their new versions, and for all
other tables the newest whole ones, so that nothing of a batch or stream that wrote meanwhile is
lost.
"""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from deltalake import DeltaTable

from pipelines.models.checks import Result
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.find_keys import FoundKeys, stored_schema
from pipelines.outputs.lake import Lake
from pipelines.outputs.open_warehouse import Tables
from pipelines.outputs.recover import committing, undo_dead_runs, whole_versions
from pipelines.outputs.register_stream import as_newest, write_row
from pipelines.outputs.write_rows import NewFile, write_rows
from schemas import tables
from transforms.present import present

_QUALITY = "data_quality"


@dataclass(frozen=True)
class NewRows:
    """Files that hold the rows that a table is to have, of `dates` or (None) at all."""

    table: str
    files: Sequence[NewFile]
    dates: tuple[datetime.date, ...] | None


def write_new_rows(lake: Lake, name: str, rows: pl.DataFrame, date: datetime.date) -> NewRows:
    """Write files of rows as stored that are to replace those of a date (or all: no partition).

    No reader sees them before they are committed.
    """
    files = [] if rows.is_empty() else list(write_rows(lake.warehouse, name, rows))
    return NewRows(name, files, (date,) if tables.get(name).partition else None)


def commit_tables(
    lake: Lake, run: Run, changes: Sequence[NewRows], results: Sequence[Result]
) -> dict[str, Any]:
    """One commit per table, one of the results of checks, last the row of the run; the row."""
    with committing(lake.warehouse):
        undo_dead_runs(lake, run.run_id)
        for change in changes:
            lake.replace_dates(change.table, change.files, change.dates, run.run_id)
        written = [change.table for change in changes]
        if results:
            replace_results(lake, run, results)
            written.append(_QUALITY)
        return _write_run(lake, run, written)


def replace_results(lake: Tables, run: Run, results: Sequence[Result]) -> None:
    """Of a day, each check has its last result only."""
    date = run.started_at.date()
    found = present(_QUALITY, _describe_results(run, results), run.started_at)
    stored = lake.read(_QUALITY, [date]).cast(pl.Schema(stored_schema(tables.get(_QUALITY))))
    rows = pl.concat([stored.join(found, ["table_name", "check_name"], "anti"), found])
    lake.replace_dates(_QUALITY, lake.write(_QUALITY, rows), [date], run.run_id)


def _describe_results(run: Run, results: Sequence[Result]) -> pl.DataFrame:
    rows = [
        {
            "check_date": run.started_at.date(),
            "checked_at": run.started_at,
            "table_name": result.check.table,
            "check_name": result.check.name,
            "severity": result.check.severity,
            "is_passed": result.is_passed,
            "observed": result.observed,
            "expected": result.expected,
        }
        for result in results
    ]
    schema = stored_schema(tables.get(_QUALITY))
    return pl.DataFrame(rows, schema={name: schema[name] for name in rows[0]})


def _write_run(lake: Lake, run: Run, written: Sequence[str]) -> dict[str, Any]:
    """The row of the run, written anew when another run has written its own meanwhile.

    In a local folder none can; in a bucket the versions that it names would be hidden.
    """
    own = {tables.get(name).full_name: lake.version(name) for name in written}
    runs, keys = lake.open("pipeline_runs"), FoundKeys(lake.warehouse)
    while True:
        before = runs.version()
        row = _describe(runs, run, own)
        write_row(runs, lake.warehouse, row, keys)
        runs.update_incremental()
        if runs.version() <= before + 1:
            return row.row(0, named=True)


def _describe(runs: DeltaTable, run: Run, own: Mapping[str, int]) -> pl.DataFrame:
    versions = {**whole_versions(runs), **own}
    return as_newest(runs, describe_run(run, Counter(), versions, "completed"))
