"""Where does a run write to? Opens the warehouse that `--warehouse` names, a folder or BigQuery."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from pipelines import objects, storage
from pipelines.options.flags import UsageError
from pipelines.outputs.bigquery.address import is_bigquery, parse
from pipelines.outputs.bigquery.warehouse import BigQueryWarehouse, open_bigquery
from pipelines.outputs.lake import Lake
from pipelines.outputs.recover import committing, undo_dead_runs

Tables = Lake | BigQueryWarehouse
_TEMPORARY = "--temp_location="


def open_warehouse(warehouse: str, staging: str) -> Tables:
    """The writers' side of a warehouse; `staging`: folder of the run's temporary files."""
    return open_bigquery(parse(warehouse), staging) if is_bigquery(warehouse) else Lake(warehouse)


def files_folder(warehouse: str, staging: str) -> str:
    """Where workers write data files: where tables keep them, or where they are loaded from."""
    return storage.join(staging, "files") if is_bigquery(warehouse) else warehouse


def keeps_partition(warehouse: str) -> bool:
    """Whether data files hold the date of their rows: in a folder of Delta tables its path does."""
    return is_bigquery(warehouse)


def staging_folder(warehouse: str, staging: str | None, beam: Sequence[str]) -> str:
    """The folder of temporary files: given, or in the warehouse, or where Beam has its own.

    Raises UsageError when BigQuery is to load files and nobody says where they can be.
    """
    if staging or not is_bigquery(warehouse):
        return staging or storage.join(warehouse, "_staging")
    parse(warehouse)
    named = [flag.removeprefix(_TEMPORARY) for flag in beam if flag.startswith(_TEMPORARY)]
    if not named:
        raise UsageError(
            f"--warehouse={warehouse} loads files: say where they can be, --staging=gs://…"
        )
    return storage.join(named[-1], "chapterflow")


def check_staging(staging: str) -> None:
    """Raise UsageError when a bucket does not take the temporary files of a run.

    Workers would find out one after the other, and only when the events have been read.
    """
    if not staging.startswith(objects.SCHEME):
        return
    try:
        storage.write_file(storage.join(staging, "is_writable"), b"")
        storage.remove_folder(staging)
    except OSError as error:
        raise UsageError(
            f"temporary files cannot be kept in {error}; check the bucket, and that the account "
            "may add, list and delete objects there, or name another place by --staging"
        ) from error


def committed_row(lake: Tables, run_id: str) -> dict[str, Any] | None:
    """The row of a run that is in BigQuery already, as its commit step is tried again; else None.

    What that run had staged is gone. In a folder the commits of the run itself are found again.
    """
    if not isinstance(lake, BigQueryWarehouse):
        return None
    rows = lake.read("pipeline_runs").filter(pl.col("run_id") == run_id)
    return None if rows.is_empty() else rows.row(0, named=True)


@contextlib.contextmanager
def taking_turn(lake: Tables, run_id: str) -> Iterator[None]:
    """Let one run commit at a time, after what runs that died left half done is taken back."""
    if isinstance(lake, BigQueryWarehouse):
        with lake.turn(run_id):
            yield
        return
    with committing(lake.warehouse):
        undo_dead_runs(lake, run_id)
        yield
