"""Which versions do readers see after maintenance? Records them in the table of runs."""

import datetime
import json
import uuid
from importlib import metadata
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from pipelines.outputs.recover import committing
from pipelines.readers.snapshot import (
    RUNS,
    CompletedRun,
    MissingTableError,
    load_table,
    newest_completed,
)
from schemas import arrow, tables
from schemas.kinds import kind

_KEEPS_ROWS = {"OPTIMIZE", "VACUUM START", "VACUUM END", "ADD COLUMN", "SET TBLPROPERTIES"}


def readable_version(table: DeltaTable, base: int) -> int:
    """The last version with exactly the rows of version `base`: only maintenance lies between.

    `table` is loaded at its latest version; a history that is gone counts as other work.
    """
    behind = table.version() - base
    history = table.history(limit=behind) if behind > 0 else []
    operations = {commit["version"]: commit["operation"] for commit in history}
    version = base
    while operations.get(version + 1) in _KEEPS_ROWS:
        version += 1
    return version


def record(warehouse: str, storage_options: dict[str, str] | None) -> CompletedRun:
    """Append a completed `maintain` row with the versions that readers are to see from now on.

    A run may complete between the look at the newest run and the commit of the row. Its versions
    would be hidden, so the row is then made again on top of them.
    """
    with committing(warehouse):
        return _append_newest(warehouse, storage_options)


def _append_newest(warehouse: str, storage_options: dict[str, str] | None) -> CompletedRun:
    started_at = datetime.datetime.now(datetime.UTC)
    own: set[str] = set()
    while True:
        runs = load_table(warehouse, RUNS, storage_options)
        newest = newest_completed(runs, without=own)
        assert newest is not None
        run = _successor(warehouse, storage_options, newest)
        own.add(run.run_id)
        row = pa.Table.from_pylist([_row(run, started_at)], schema=arrow.schema("pipeline_runs"))
        uri = f"{warehouse}/{tables.get('pipeline_runs').path}"
        write_deltalake(
            uri, row, mode="append", schema_mode="merge", storage_options=storage_options
        )
        if load_table(warehouse, RUNS, storage_options).version() == runs.version() + 1:
            return run


def _successor(
    warehouse: str, storage_options: dict[str, str] | None, newest: CompletedRun
) -> CompletedRun:
    versions = {}
    for name, base in newest.versions.items():
        if name == RUNS:
            continue
        try:
            table = load_table(warehouse, name, storage_options)
        except MissingTableError:
            continue
        versions[name] = readable_version(table, base)
    # Later than the newest run even where the clock of its machine is ahead of ours.
    least = newest.finished_at + datetime.timedelta(microseconds=1)
    finished_at = max(datetime.datetime.now(datetime.UTC), least)
    return CompletedRun(str(uuid.uuid4()), finished_at, versions)


def _row(run: CompletedRun, started_at: datetime.datetime) -> dict[str, Any]:
    empty: dict[str, Any] = {"integer": 0, "json": "{}", "text": ""}
    table = tables.get("pipeline_runs")
    blank = {column.name: empty.get(kind(column.type).word) for column in table.columns}
    return blank | {
        "run_id": run.run_id,
        "run_date": started_at.date(),
        "mode": "maintain",
        "status": "completed",
        "started_at": started_at,
        "finished_at": run.finished_at,
        "code_version": _code_version(),
        "inputs": "[]",
        "table_versions": json.dumps(run.versions, sort_keys=True, separators=(",", ":")),
        "processed_at": started_at,
        "schema_version": tables.SCHEMA_VERSION,
    }


def _code_version() -> str:
    try:
        return metadata.version("chapterflow")
    except metadata.PackageNotFoundError:
        return "unknown"
