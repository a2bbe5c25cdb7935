"""Are the lake's files of a sane size? Compacts small files and deletes those nobody needs.

Every step is one Delta commit or the deletion of files that nothing refers to, so the program can
be killed at any moment and run again. Readers see the compacted files once its row is in
`ops.pipeline_runs`; until then they read the old ones, which stay.
"""

import argparse
import dataclasses
import os
import sys
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipelines.outputs.recover import committing
from pipelines.readers import print_table
from pipelines.readers.snapshot import (
    CREATED,
    RUNS,
    MissingTableError,
    WarehouseError,
    environment_options,
    load_table,
    newest_completed,
    one_line,
)
from pipelines.record_maintenance import readable_version, record
from schemas import tables

_UNFINISHED = "a run is under way or was interrupted: not compacted"
_CHANGED = "changed meanwhile: left for the next time"


@dataclasses.dataclass
class Work:
    """What was done to a table. Files and bytes are those of its newest version."""

    table: str
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    files_deleted: int = 0
    note: str = ""


def maintain(
    warehouse: str, retention_hours: int, storage_options: dict[str, str] | None = None
) -> list[Work]:
    """Compact, checkpoint and vacuum every table of a warehouse, then record the run.

    Files of the versions that the newest completed run names are never deleted, others when they
    have been out of use, or in no version at all, for `retention_hours`. Raises WarehouseError.
    """
    is_used = newest_completed(load_table(warehouse, RUNS, storage_options)) is not None
    done = []
    for table in tables.tables().values():
        # Runs that commit meanwhile wait for one table, not for all.
        with committing(warehouse):
            done += _maintain_if_there(warehouse, table.full_name, retention_hours, storage_options)
    if is_used:
        record(warehouse, storage_options)
    return done


def _maintain_if_there(
    warehouse: str, name: str, retention_hours: int, storage_options: dict[str, str] | None
) -> list[Work]:
    newest = newest_completed(load_table(warehouse, RUNS, storage_options))
    named = newest.versions if newest else {}
    try:
        latest = load_table(warehouse, name, storage_options)
    except MissingTableError:
        return []
    base = latest.version() if name == RUNS else named.get(name, CREATED)
    return [maintain_table(name, latest, base, retention_hours)]


def maintain_table(name: str, table: DeltaTable, base: int, retention_hours: int) -> Work:
    """Compact and vacuum one table, loaded at its latest version; readers read version `base`.

    When runs have committed since `base`, the table is not compacted: that would put the files of
    half a run among those that readers are shown next.
    """
    work = Work(name)
    work.files_before, work.bytes_before = _size(table)
    try:
        if readable_version(table, base) == table.version():
            _compact(table)
        else:
            work.note = _UNFINISHED
        work.files_deleted = _vacuum(table, base, retention_hours)
    except (DeltaError, OSError) as error:
        work.note = f"{_CHANGED} ({one_line(error)})"
    work.files_after, work.bytes_after = _size(table)
    return work


def main(arguments: list[str] | None = None) -> int:
    """Run the program; 0 done, 2 with one line when there is no warehouse."""
    options = build_parser().parse_args(arguments)
    warehouse = options.warehouse.rstrip("/")
    try:
        done = maintain(
            warehouse, options.retention_hours, environment_options(warehouse, os.environ)
        )
    except WarehouseError as error:
        print(error, file=sys.stderr)
        return 2
    rows = pl.DataFrame([dataclasses.asdict(work) for work in done])
    sys.stdout.write(print_table.render(rows))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.maintain",
        description=(__doc__ or "").partition("\n")[0],
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help="folder, s3:// or gs:// of the tables")
    parser.add_argument(
        "--retention_hours",
        type=_hours,
        default=168,
        help="keep unused files that long (default 168); under 24 only when nothing else writes",
    )
    return parser


def _hours(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of hours, 0 or more")
    return int(text)


def _compact(table: DeltaTable) -> None:
    table.optimize.compact()
    # A checkpoint lets expired log entries go, which only may happen where readers are up to date.
    if table.version() > CREATED:
        table.create_checkpoint()


def _vacuum(table: DeltaTable, base: int, retention_hours: int) -> int:
    keep = [base] if base < table.version() else []
    arguments: dict[str, Any] = {
        "retention_hours": retention_hours,
        "enforce_retention_duration": False,
        "full": True,
        "keep_versions": keep,
    }
    # A vacuum without work would still make two commits.
    if not table.vacuum(dry_run=True, **arguments):
        return 0
    return len(table.vacuum(dry_run=False, **arguments))


def _size(table: DeltaTable) -> tuple[int, int]:
    sizes = pa.table(table.get_add_actions(flatten=True))["size_bytes"].to_pylist()
    return len(sizes), sum(sizes)


if __name__ == "__main__":
    sys.exit(main())
