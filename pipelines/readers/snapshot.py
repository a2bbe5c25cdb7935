"""What does a reader of the warehouse see? The tables as the newest completed run left them.

A run commits its tables one after the other. Readers never look at a table's latest version, but at
the versions that the newest completed row of `ops.pipeline_runs` names, so nobody sees half a run.
A stream has one row, which it writes anew after every round of commits.
"""

import dataclasses
import datetime
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from pipelines.readers import views
from pipelines.readers.tell_files_apart import by_partition
from schemas import arrow, tables

RUNS = "ops.pipeline_runs"
"""The table of runs itself: always read at its latest version."""

CREATED = 0
"""Version of a table that is just made, and empty."""

_OPTION_PREFIXES = {"s3": "AWS_", "s3a": "AWS_", "gs": "GOOGLE_"}
_ASKS_FOR_ALL = {"show", "describe", "information_schema", "duckdb_views", "duckdb_tables"}


class WarehouseError(Exception):
    """The warehouse cannot be read; the message is one line that says what to do."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The tables of a warehouse at fixed versions. Names are full ones: `gold.chapter_engagement`.

    All methods raise WarehouseError for a table that there is not.
    """

    warehouse: str
    versions: Mapping[str, int]
    storage_options: dict[str, str] | None = None

    def version(self, name: str) -> int:
        """The Delta version to read; 0, the empty table made at creation, when no run names it."""
        _described(name)
        return self.versions.get(name, CREATED)

    def table(self, name: str) -> DeltaTable:
        """The Delta table, loaded at its version."""
        return load_table(self.warehouse, name, self.storage_options, self.version(name))

    def dataset(self, name: str) -> ds.Dataset:
        """The table as an Arrow dataset: columns and files are read when asked for.

        A table that the warehouse does not have yet (it is older than the table) is empty.
        """
        try:
            return by_partition(self.table(name).to_pyarrow_dataset())
        except MissingTableError:
            return ds.dataset(arrow.schema(_described(name).name).empty_table())

    def polars(self, name: str, dates: Iterable[datetime.date] | None = None) -> pl.DataFrame:
        """The rows, of all partitions or of those of `dates` only."""
        partition = _described(name).partition
        if dates is None:
            return _frame(self.dataset(name).to_table())
        if partition is None:
            raise WarehouseError(f"{name} has no dates: read it whole")
        wanted = ds.field(partition).isin(pa.array(list(dates), pa.date32()))
        return _frame(self.dataset(name).to_table(filter=wanted))

    def connect(self, sql: str | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in UTC with schemas silver, gold and ops: a view per table.

        With `sql`, only the tables whose names occur in it are opened, which is faster. The views
        of `pipelines.readers.views` are there too: `silver.video_events`, and `attempt_number` in
        `silver.question_attempts`.
        """
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        for layer in tables.LAYERS:
            connection.execute(f"CREATE SCHEMA {layer}")
        for table in tables.tables().values():
            if _is_named(table.name, sql):
                self._add_view(connection, table)
        if _is_named(views.VIDEO_EVENTS, sql):
            connection.execute(views.video_events())
        return connection

    def _add_view(self, connection: duckdb.DuckDBPyConnection, table: tables.Table) -> None:
        source = f"{table.layer}__{table.name}"
        connection.register(source, self.dataset(table.full_name))
        select = views.SELECTS.get(table.full_name, "SELECT * FROM {source}").format(source=source)
        connection.execute(f"CREATE VIEW {table.full_name} AS {select}")


@dataclasses.dataclass(frozen=True)
class CompletedRun:
    """A completed run, and the version of every table that it left behind, by full name."""

    run_id: str
    finished_at: datetime.datetime
    versions: dict[str, int]


class MissingTableError(WarehouseError):
    """There is no such Delta table in the warehouse."""


def open_snapshot(warehouse: str | Path, storage_options: dict[str, str] | None = None) -> Snapshot:
    """The snapshot of a warehouse (local folder, s3:// or gs://) as it is now.

    `storage_options` are those of deltalake; by default they come from the environment. Raises
    WarehouseError when there is no warehouse, or it cannot be read.
    """
    root = str(warehouse).rstrip("/")
    refuse_bigquery(root)
    options = storage_options or environment_options(root, os.environ)
    try:
        runs = load_table(root, RUNS, options)
    except MissingTableError:
        message = f"no warehouse at {root}: make one with python -m pipelines.batch --warehouse="
        raise WarehouseError(message + root) from None
    newest = newest_completed(runs)
    named = newest.versions if newest else {}
    return Snapshot(root, {**named, RUNS: runs.version()}, options)


def refuse_bigquery(warehouse: str) -> None:
    """Raise WarehouseError for bq://…, in programs that know folders and buckets only."""
    if warehouse.startswith("bq://"):
        raise WarehouseError(
            f"this does not work with {warehouse}: batch, provision, rollup, check and query do "
            "(docs/bigquery.md)"
        )


def environment_options(warehouse: str, environment: Mapping[str, str]) -> dict[str, str] | None:
    """What the environment says about the warehouse's storage: AWS_* for s3://, GOOGLE_* for gs://.

    None for a local folder.
    """
    prefix = _OPTION_PREFIXES.get(warehouse.partition("://")[0])
    if "://" not in warehouse or prefix is None:
        return None
    return {name: value for name, value in environment.items() if name.startswith(prefix)}


def load_table(
    warehouse: str, name: str, storage_options: dict[str, str] | None, version: int | None = None
) -> DeltaTable:
    """A Delta table by its full name, at a version or its latest.

    Raises MissingTableError when there is none, WarehouseError when it cannot be read.
    """
    uri = f"{warehouse}/{_described(name).path}"
    try:
        return DeltaTable(uri, version=version, storage_options=storage_options)
    except TableNotFoundError:
        raise MissingTableError(f"no table {name} in {warehouse}") from None
    except (DeltaError, OSError, ValueError) as error:
        at = "" if version is None else f" at version {version}"
        message = f"cannot read {name}{at} in {warehouse}, check the address and the rights: "
        raise WarehouseError(message + one_line(error)) from None


def newest_completed(runs: DeltaTable, without: Collection[str] = ()) -> CompletedRun | None:
    """The newest completed row of the table of runs, by finished_at, then run_id; None before any.

    Runs with an id in `without` do not count. Raises WarehouseError when the row names no versions.
    """
    newest = completed_runs(runs, 1, without)
    return newest[0] if newest else None


def completed_runs(
    runs: DeltaTable, limit: int, without: Collection[str] = ()
) -> list[CompletedRun]:
    """Up to `limit` rows that readers may follow, newest first, as `newest_completed`.

    The row of a stream counts whatever its status: it always names what was complete when it was
    written, also when the stream failed later.
    """
    columns = ["finished_at", "run_id", "mode", "status", "table_versions"]
    rows = _frame(runs.to_pyarrow_dataset().to_table(columns=columns))
    is_whole = (pl.col("status") == "completed") | (pl.col("mode") == "streaming")
    counted = rows.filter(is_whole, ~pl.col("run_id").is_in(list(without)))
    newest = counted.sort("finished_at", "run_id", descending=True).head(limit)
    return [_completed(row) for row in newest.iter_rows(named=True)]


def _completed(row: Mapping[str, Any]) -> CompletedRun:
    try:
        named = json.loads(row["table_versions"])
        versions = {str(name): int(version) for name, version in named.items()}
    except (AttributeError, TypeError, ValueError):
        message = f"run {row['run_id']} names no table_versions: run the batch again"
        raise WarehouseError(message) from None
    return CompletedRun(row["run_id"], row["finished_at"], versions)


def one_line(error: Exception) -> str:
    """The message of an error as one line without colours, short enough to read."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return " ".join(plain.split())[:300]


def _described(name: str) -> tables.Table:
    found = tables.tables().get(name.partition(".")[2])
    if found is None or found.full_name != name:
        raise WarehouseError(f"there is no table {name}: --tables of pipelines.query lists them")
    return found


def _is_named(table_name: str, sql: str | None) -> bool:
    if sql is None:
        return True
    words = set(re.findall(r"\w+", sql.lower()))
    base = views.BASES.get(table_name, set())
    return bool(words & ({table_name} | base | _ASKS_FOR_ALL))


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
