"""How do models and checks run on the tables of a folder? In DuckDB, in this process."""

import datetime
from collections.abc import Mapping
from typing import Any

import duckdb
import polars as pl

from pipelines.models.sql_models import (
    BrokenQueryError,
    refuse_other_columns,
    run_sql,
    teach_googlesql,
)
from pipelines.outputs.find_keys import stored_schema
from pipelines.readers.snapshot import one_line
from schemas import tables
from transforms.present import present


class InDuckDb:
    """The tables of a connection, which is taught GoogleSQL, and those made on top of them.

    Methods raise BrokenQueryError.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        teach_googlesql(connection)
        self._connection = connection

    def run(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a query in GoogleSQL."""
        try:
            return run_sql(self._connection, sql, parameters)
        except duckdb.Error as error:
            raise BrokenQueryError(one_line(error)) from None

    def make(
        self,
        table: tables.Table,
        sql: str,
        parameters: Mapping[str, Any],
        processed_at: datetime.datetime,
    ) -> pl.DataFrame:
        """The rows of a query as stored; from now on they are those of the table."""
        found = self.run(sql, parameters)
        refuse_other_columns(table, found.columns)
        try:
            rows = present(table.name, found, processed_at).cast(pl.Schema(stored_schema(table)))
        except pl.exceptions.PolarsError as error:
            raise BrokenQueryError(f"it gives values of other types: {one_line(error)}") from None
        self.show(table, rows)
        return rows

    def show(self, table: tables.Table, rows: pl.DataFrame) -> None:
        """From now on these are the rows of a table."""
        plain = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        self._connection.register(f"made_{table.name}", plain)
        self._connection.execute(
            f"CREATE OR REPLACE VIEW {table.full_name} AS SELECT * FROM made_{table.name}"
        )
