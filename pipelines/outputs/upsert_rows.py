"""How do changed rows get into a Delta table? One commit swaps the few files that they touch.

deltalake's own MERGE does the same, but looks for matches in every file that it cannot rule out by
statistics, and ids are in no order. Here the files with a match are known beforehand.
"""

import datetime
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import polars.selectors as cs
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import RemoveAction

from pipelines.outputs.find_keys import DataFile, FoundKeys, files_of, read_rows
from pipelines.outputs.lake import KEEP_LOG, add_action
from pipelines.outputs.lay_changes import newest_changes
from pipelines.outputs.write_rows import NewFile, write_rows
from schemas import arrow, tables
from schemas.streamed import FIRST_STAYS, identity
from transforms.diff_rows import REVISION

FILE_ROWS = 200_000
"""Most rows of a file: what it costs to change one row of it."""
SMALL_ROWS = (4_000, 25_000)
"""Files of a date with fewer rows than each of these are put together …"""
FOLDED_FILES = 8
"""… when there are that many …"""
REVISED_SECONDS = 600.0
"""… and those of the larger size not before this age: rows of open sessions come again within
`--publish_seconds` (300 unless told), those of the same students at once. Put together with the
rows of others, a file would be written anew whenever one of them comes again."""
ATTEMPTS = 5


@dataclass(frozen=True)
class Swap:
    """Files that go, and the rows that come: `rows`, and frames that are too large to hold all."""

    removed: list[DataFile]
    rows: pl.DataFrame
    large: Iterable[pl.DataFrame] = ()


def upsert(
    delta: DeltaTable, warehouse: str, table: tables.Table, changes: pl.DataFrame,
    keys: FoundKeys, run_id: str,
) -> bool:  # fmt: skip
    """Apply changes to a table, loaded at its latest version, in one commit; whether there was one.

    `changes`: columns of the table, `is_deleted` and `revision`. A row is the same when its key and
    its date are (null is a value). Errors: CommitFailedError when other writers change the table
    again and again.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _upsert_once(delta, warehouse, table, changes, keys, run_id)
        except CommitFailedError:
            # Somebody has changed the table, or put its files together: look at it again.
            time.sleep(0.1)
            delta.update_incremental()
    return _upsert_once(delta, warehouse, table, changes, keys, run_id)


def _upsert_once(
    delta: DeltaTable, warehouse: str, table: tables.Table, changes: pl.DataFrame,
    keys: FoundKeys, run_id: str,
) -> bool:  # fmt: skip
    latest = newest_changes(table.name, changes).drop(REVISION)
    files = files_of(delta, table)
    if table.name in FIRST_STAYS:
        swap = _insert(warehouse, table, latest, files, keys)
    else:
        swap = _replace(warehouse, table, latest, files, keys)
    if not swap.removed and swap.rows.is_empty():
        return False
    _commit(delta, warehouse, table, swap, keys, run_id)
    return True


def _insert(
    warehouse: str, table: tables.Table, latest: pl.DataFrame, files: list[DataFile],
    keys: FoundKeys,
) -> Swap:  # fmt: skip
    """The rows whose key is not there yet, in no date."""
    names = identity(table)
    rows = latest.drop("is_deleted")
    for file in keys.matching(table, files, rows):
        stored = read_rows(warehouse, table, file, names)
        rows = rows.join(stored, on=names, how="anti", nulls_equal=True)
    return _with_small_files(warehouse, table, Swap([], rows), files)


def _replace(
    warehouse: str, table: tables.Table, latest: pl.DataFrame, files: list[DataFile],
    keys: FoundKeys,
) -> Swap:  # fmt: skip
    """The new rows, and the other rows of the files that hold a row of the same key and date."""
    dates = _dates(table, latest)
    matching = keys.matching(table, [file for file in files if file.date in dates], latest)
    names = identity(table)

    def kept(file: DataFile) -> pl.DataFrame:
        rows = read_rows(warehouse, table, file)
        return rows.join(latest, on=names, how="anti", nulls_equal=True)

    small = [kept(file) for file in matching if file.rows < SMALL_ROWS[-1]]
    rows = pl.concat([*small, latest.filter(~pl.col("is_deleted")).drop("is_deleted")])
    large = (kept(file) for file in matching if file.rows >= SMALL_ROWS[-1])
    return _with_small_files(warehouse, table, Swap(matching, rows, large), files)


def _with_small_files(
    warehouse: str, table: tables.Table, swap: Swap, files: Sequence[DataFile]
) -> Swap:
    """Small files of the dates written come along when there are many."""
    going = {file.path for file in swap.removed}
    dates = _dates(table, swap.rows)
    others = [file for file in files if file.date in dates and file.path not in going]
    settled_ms = int((time.time() - REVISED_SECONDS) * 1000)
    folded = [file for date in dates for file in folded_files(others, date, settled_ms)]
    rows = [read_rows(warehouse, table, file) for file in folded]
    return Swap([*swap.removed, *folded], pl.concat([swap.rows, *rows]), swap.large)


def folded_files(
    files: Iterable[DataFile], date: datetime.date | None, settled_ms: int
) -> list[DataFile]:
    """The small files of a date, of the sizes of which there are too many.

    Sizes are told apart so that a row is written once for each size, not at every turn.
    `settled_ms`: rows written before are not expected to change.
    """
    of_date = [file for file in files if file.date == date]
    folded: list[DataFile] = []
    least = 0
    for most in SMALL_ROWS:
        of_size = [
            file
            for file in of_date
            if least <= file.rows < most and (not least or file.written_ms < settled_ms)
        ]
        folded += of_size if len(of_size) >= FOLDED_FILES else []
        least = most
    return folded


def _dates(table: tables.Table, rows: pl.DataFrame) -> set[datetime.date | None]:
    return set(rows[table.partition].unique()) if table.partition else {None}


def _commit(
    delta: DeltaTable, warehouse: str, table: tables.Table, swap: Swap, keys: FoundKeys,
    run_id: str,
) -> None:  # fmt: skip
    now_ms, column = int(time.time() * 1000), table.partition
    frames = itertools.chain([swap.rows], swap.large)
    added = [file for rows in frames for file in _write(warehouse, table, rows, keys)]
    removed = [
        RemoveAction(
            path=file.path,
            data_change=True,
            deletion_timestamp=now_ms,
            size=file.size_bytes,
            partition_values={column: str(file.date)} if column else {},
        )
        for file in swap.removed
    ]
    delta.create_write_transaction(
        [*(add_action(column, file) for file in added), *removed],
        mode="append",
        schema=arrow.schema(table.name),
        partition_by=[column] if column else None,
        # Tried again it would go on top of a compaction, whose files hold the removed rows too.
        commit_properties=CommitProperties(
            custom_metadata={"run_id": run_id}, max_commit_retries=0
        ),
        post_commithook_properties=KEEP_LOG,
    )
    for file in swap.removed:
        keys.forget(table, file.path)
    delta.update_incremental()


def _write(
    warehouse: str, table: tables.Table, rows: pl.DataFrame, keys: FoundKeys
) -> Iterator[NewFile]:
    dates = rows.partition_by(table.partition) if table.partition else [rows]
    for part in (part for of_date in dates for part in _in_files(table, of_date)):
        for file in write_rows(warehouse, table.name, part):
            keys.add(table, file.path, part)
            yield file


def _in_files(table: tables.Table, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Parts of a size that is cheap to rewrite; in the order of time, so that bounds are narrow."""
    if rows.height > FILE_ROWS:
        rows = rows.sort(list(rows.select(table.key).select(cs.datetime()).columns) or table.key)
    for start in range(0, rows.height, FILE_ROWS):
        yield rows.slice(start, FILE_ROWS)
