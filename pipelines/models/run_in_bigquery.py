"""How do models and checks run in BigQuery? By queries whose rows wait there for their commit."""

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.models.sql_models import BrokenQueryError, refuse_other_columns, used_parameters
from pipelines.outputs.bigquery.address import STAGED
from pipelines.outputs.bigquery.connect import BigQueryError, refusals
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.readers.query_bigquery import Reader
from schemas import tables


class InBigQuery:
    """The tables of a warehouse, and those that a run makes on top of them.

    Methods raise BrokenQueryError, and WarehouseError for what a person has to mend.
    """

    def __init__(self, reader: Reader, run_id: str) -> None:
        self._reader, self._run_id = reader, run_id.replace("-", "_")
        self._made: dict[str, str] = {}

    def run(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a query in GoogleSQL over silver, gold and ops."""
        there, client = self._reader.address, self._reader.client
        used = used_parameters(sql, parameters)
        try:
            return rows_of(client, there, there.localise(sql, self._made), "run the query", used)
        except BigQueryError as error:
            raise BrokenQueryError(str(error)) from None

    def make(
        self,
        table: tables.Table,
        sql: str,
        parameters: Mapping[str, Any],
        processed_at: datetime.datetime,
    ) -> str:
        """Make a table of the rows of a query, stamped; from now on it is read for the other."""
        stamps = (
            f"TIMESTAMP '{processed_at:%Y-%m-%d %H:%M:%S.%f}+00' AS processed_at, "
            f"{tables.SCHEMA_VERSION} AS schema_version"
        )
        found = self._create(table, f"SELECT *, {stamps} FROM (\n{sql}\n)", parameters)
        columns = [field.name for field in self._schema(found)]
        refuse_other_columns(table, columns[:-2])
        return found

    def show(self, table: tables.Table, date: datetime.date) -> int:
        """Let only the rows of a date be read of a table; how many there are."""
        sql = f"SELECT * FROM {table.full_name} WHERE {table.partition} = @date"
        self._create(table, sql, {"date": date})
        return int(self.run(f"SELECT COUNT(*) FROM {table.full_name}", {}).item())

    def _create(self, table: tables.Table, sql: str, parameters: Mapping[str, Any]) -> str:
        name = f"{self._reader.address.dataset(STAGED)}.{self._run_id}_{table.name}"
        self.run(f"CREATE OR REPLACE TABLE `{name}` AS {sql}", parameters)
        self._made[table.full_name] = name
        return name

    def _schema(self, name: str) -> Any:
        with refusals(self._reader.address, "look at what was made"):
            return self._reader.client.get_table(name).schema
