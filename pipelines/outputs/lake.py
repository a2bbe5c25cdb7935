"""How does a Delta table change? It is made once; each run swaps whole dates in one commit."""

import datetime
import json
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
    Transaction,
    write_deltalake,
)
from deltalake.transaction import AddAction

from pipelines import storage
from pipelines.outputs.keep_among import Among
from pipelines.outputs.write_rows import NewFile, write_rows
from pipelines.readers.snapshot import environment_options, refuse_bigquery
from pipelines.readers.tell_files_apart import by_partition
from schemas import arrow, tables

KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
"""A commit must not clean the log up: the version that readers see may be the one before it."""


class Lake:
    """The Delta tables of a warehouse, at their latest versions: the writers' side."""

    def __init__(self, warehouse: str) -> None:
        refuse_bigquery(warehouse)
        self.warehouse = warehouse
        self.storage_options = environment_options(warehouse, os.environ)

    def create_tables(self) -> None:
        """Make every table of the product that is not there yet, empty, and every column."""
        for table in tables.tables().values():
            DeltaTable.create(
                self._uri(table),
                schema=arrow.schema(table.name),
                mode="ignore",
                partition_by=[table.partition] if table.partition else None,
                name=table.name,
                description=table.grain,
                storage_options=self.storage_options,
            )
            self._add_missing_columns(table)

    def _add_missing_columns(self, table: tables.Table) -> None:
        """A warehouse may be older than a column."""
        delta = self.open(table.name)
        known = {field.name for field in delta.schema().fields}
        wanted = Schema.from_arrow(arrow.schema(table.name)).fields
        if missing := [field for field in wanted if field.name not in known]:
            delta.alter.add_columns(missing)

    def open(self, name: str) -> DeltaTable:
        """A table at its latest version."""
        return DeltaTable(self._uri(tables.get(name)), storage_options=self.storage_options)

    def version(self, name: str) -> int:
        """Latest version of a table."""
        return self.open(name).version()

    def versions(self) -> dict[str, int]:
        """Latest version of every table by full name."""
        return {t.full_name: self.version(t.name) for t in tables.tables().values()}

    def dates(self, name: str) -> set[datetime.date]:
        """The dates that a table has rows of."""
        column = str(tables.get(name).partition)
        values = {partition[column] for partition in self.open(name).partitions()}
        return {datetime.date.fromisoformat(str(value)) for value in values if value}

    def read(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
    ) -> pl.DataFrame:
        """Rows at the latest version, of some dates or all, with some values or any."""
        dataset, chosen = self.open(name).to_pyarrow_dataset(), ds.scalar(True)
        if dates is not None:
            wanted = pa.array(sorted(dates), pa.date32())
            chosen &= ds.field(str(tables.get(name).partition)).isin(wanted)
        for column, values in (among or {}).items():
            chosen &= ds.field(column).isin(sorted(values))
        if among:
            dataset = _files_with(dataset, chosen)
        names = None if columns is None else list(columns)
        frame = pl.from_arrow(dataset.to_table(columns=names, filter=chosen))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def replace_dates(
        self,
        name: str,
        files: Sequence[NewFile],
        dates: Iterable[datetime.date] | None,
        run_id: str,
    ) -> None:
        """One commit: the rows of `dates` (None: all rows) are now exactly those of `files`.

        A commit of the same run that is there already is not made again.
        """
        table = self.open(name)
        if table.transaction_version(run_id) is not None:
            return
        column = tables.get(name).partition
        filters = None
        if column is not None and dates is not None:
            filters = [(column, "in", sorted(map(str, dates)))]
            if not filters[0][2]:
                return
        table.create_write_transaction(
            [add_action(column, file) for file in files],
            mode="overwrite",
            schema=arrow.schema(name),
            partition_by=[column] if column else None,
            partition_filters=filters,
            commit_properties=CommitProperties(
                custom_metadata={"run_id": run_id},
                app_transactions=[Transaction(app_id=run_id, version=1)],
            ),
            post_commithook_properties=KEEP_LOG,
        )

    def write(self, name: str, rows: pl.DataFrame) -> list[NewFile]:
        """Write rows of a table to files that `replace_dates` takes."""
        return list(write_rows(self.warehouse, name, rows))

    def complete(self, row: pl.DataFrame) -> None:
        """Make a run visible, last of all, by its row."""
        self.append("pipeline_runs", row)

    def append(self, name: str, rows: pl.DataFrame) -> None:
        """Add rows to a table."""
        write_deltalake(
            self.open(name),
            rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow.schema(name)),
            mode="append",
            post_commithook_properties=KEEP_LOG,
        )

    def merge_new(self, name: str, rows: pl.DataFrame, run_id: str) -> None:
        """Add the rows whose key the table does not have yet; the others stay as they are."""
        if rows.is_empty():
            return
        (key,) = tables.get(name).key
        source = rows.unique(key, keep="first", maintain_order=True)
        merge = self.open(name).merge(
            source.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow.schema(name)),
            predicate=f"target.{key} = source.{key}",
            source_alias="source",
            target_alias="target",
            commit_properties=CommitProperties(custom_metadata={"run_id": run_id}),
            post_commithook_properties=KEEP_LOG,
        )
        merge.when_not_matched_insert_all().execute()

    def mark_replayed(self, letters: Sequence[str], run_id: str) -> None:
        """Note that dead letters have been put where they belong."""
        names = ", ".join(f"'{letter}'" for letter in letters)
        self.open("dead_letters").update(
            predicate=f"dead_letter_id IN ({names})",
            updates={"is_replayed": "true"},
            commit_properties=CommitProperties(custom_metadata={"run_id": run_id}),
            post_commithook_properties=KEEP_LOG,
        )

    def _uri(self, table: tables.Table) -> str:
        return storage.join(self.warehouse, table.path)


def _files_with(dataset: ds.FileSystemDataset, chosen: ds.Expression) -> ds.FileSystemDataset:
    """The files that hold such rows: only the columns of the condition are read to tell."""
    files = by_partition(dataset).get_fragments(chosen)
    fragments = [
        file
        for file in files
        if file.scanner(schema=dataset.schema, filter=chosen, columns=[]).count_rows()
    ]
    return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)


def add_action(column: str | None, file: NewFile) -> AddAction:
    """What a commit says about a new file of a table that is partitioned by `column`."""
    stats: dict[str, Any] = {"numRecords": file.rows}
    if file.bounds:
        stats["minValues"] = {name: least for name, least, _ in file.bounds}
        stats["maxValues"] = {name: most for name, _, most in file.bounds}
        stats["nullCount"] = {name: 0 for name, _, _ in file.bounds}
    return AddAction(
        path=file.path,
        size=file.size_bytes,
        partition_values={column: str(file.date)} if column else {},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps(stats),
    )
