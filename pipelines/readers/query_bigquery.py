"""What do the tables in BigQuery say? The queries that run on a folder's tables, run there."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import polars as pl
from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address, parse
from pipelines.outputs.bigquery.connect import connect, refusals
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.readers import queries
from schemas import arrow, tables

_AT_ONCE = 8


@dataclass(frozen=True)
class Reader:
    """The tables in BigQuery as they are now; names are those of a folder: `gold.geo_daily`.

    Methods raise WarehouseError and BigQueryError.
    """

    address: Address
    client: bigquery.Client

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of a query over silver, gold and ops."""
        there = self.address.localise(sql)
        return rows_of(self.client, self.address, there, "run the query", parameters)

    def polars(self, full_name: str) -> pl.DataFrame:
        """The rows of a table, with the types that they have in a folder."""
        name = self.address.current(full_name)
        what = f"read {full_name}"
        found = rows_of(self.client, self.address, f"SELECT * FROM `{name}`", what)
        stored = pl.DataFrame(arrow.schema(full_name.partition(".")[2]).empty_table()).schema
        return found.select(list(stored)).cast(stored)

    def list_tables(self) -> pl.DataFrame:
        """One row per table: its name, rows, partition column and what a row is.

        Rows as BigQuery knows them without a query: changes of a stream are not in them yet.
        """
        found = sorted(tables.tables().values(), key=lambda table: table.full_name)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            counts = list(pool.map(self._count, [table.full_name for table in found]))
        rows = [
            {
                "table": table.full_name,
                "rows": count,
                "partition": table.partition or "",
                "grain": table.grain,
            }
            for table, count in zip(found, counts)
        ]
        return pl.DataFrame(rows)

    def _count(self, full_name: str) -> int:
        with refusals(self.address, f"look at {full_name}"):
            return self.client.get_table(self.address.table(full_name)).num_rows or 0


def open_reader(warehouse: str) -> Reader:
    """The tables at `bq://project.prefix`. Raises UsageError, WarehouseError."""
    address = parse(warehouse)
    return Reader(address, connect(address.project))


def run_named(reader: Reader, wanted: str, given: Mapping[str, str]) -> pl.DataFrame:
    """The answer to the question of that name or number; `given`: parameters as texts, by name.

    Raises WarehouseError for a question or parameter that there is not.
    """
    query = queries.find(queries.load_queries(), wanted)
    values = queries.read_parameters(query, given)
    (days,) = reader.run(queries.KNOWN_DAYS).rows()
    known = queries.fill_from(days, values)
    return reader.run(query.sql, {name: known[name] for name in query.parameters})
