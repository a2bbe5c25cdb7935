"""How does a stream change tables in BigQuery? It appends changes, then says that they are whole.

Whoever commits takes a new epoch first, a number that grows by one each time. Changes of an older
epoch lose against those of a newer one, so what a process that was thought dead still appends does
no harm; it is told as soon as it has appended.
"""

import datetime
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import polars as pl
from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.append import Appender
from pipelines.outputs.bigquery.changes import COMMITS, POSITION, changes_of
from pipelines.outputs.bigquery.connect import BigQueryError, refusals
from pipelines.readers.snapshot import WarehouseError
from schemas import tables

_AT_ONCE = 8
_TRIES = 10

Told = Callable[[str, float], object]
"""Is told the name of a table and the seconds that its changes took."""


class SupersededError(Exception):
    """Another process commits to the warehouse since; what this one appended may never count."""


class Rounds:
    """The rounds of one process that commits. To be used by one thread at a time.

    Methods raise WarehouseError and BigQueryError.
    """

    def __init__(self, client: bigquery.Client, address: Address, run_id: str) -> None:
        self._client, self._address, self._run_id = client, address, run_id
        self._appender = Appender(address)
        self.epoch, self.number = take_epoch(client, address, run_id), 0

    def commit(
        self, changes: Mapping[str, pl.DataFrame], told: Told = lambda name, seconds: None
    ) -> None:
        """Append the changes of all tables, then the row that makes them count.

        `changes` by table: its columns, `is_deleted` and `revision`, at most one of each row.
        Raises SupersededError when it is not sure that they count.
        """
        self.number += 1
        now = datetime.datetime.now(datetime.UTC)
        commit = {"commit_id": str(uuid.uuid4()), "committed_at": now}
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            appended = [
                threads.submit(self._append, name, rows.with_columns(**_literals(commit)), told)
                for name, rows in changes.items()
            ]
            for done in appended:
                done.result()
        row = {**commit, "epoch": self.epoch, "number": self.number, "run_id": self._run_id}
        self._appender.append(COMMITS, pl.DataFrame([row]))
        # Only now: had somebody folded without this round, the epoch would be newer already.
        self._refuse_superseded()

    def close(self) -> None:
        """End all connections."""
        self._appender.close()

    def _append(self, name: str, rows: pl.DataFrame, told: Told) -> None:
        began = time.perf_counter()
        self._appender.append(changes_of(tables.get(name)), rows)
        told(name, time.perf_counter() - began)

    def _refuse_superseded(self) -> None:
        newest = newest_epoch(self._client, self._address)
        if newest != self.epoch:
            raise SupersededError(
                f"another process commits to {self._address} (epoch {newest}, this one has "
                f"{self.epoch}): one stream per warehouse, started once"
            )


def take_epoch(client: bigquery.Client, address: Address, run_id: str) -> int:
    """A new epoch for a process of a run. Raises WarehouseError and BigQueryError."""
    table = address.table(POSITION.full_name)
    for _ in range(_TRIES):
        newest = newest_epoch(client, address)
        sql = (
            f"UPDATE `{table}` SET epoch = {newest + 1}, holder = '{run_id}' WHERE epoch = {newest}"
        )
        with refusals(address, "begin to commit changes"):
            job = client.query(sql)
            job.result()
        if job.num_dml_affected_rows:
            return newest + 1
    raise BigQueryError(f"{address}: others begin to commit changes all the time; end them first")


def newest_epoch(client: bigquery.Client, address: Address) -> int:
    """The epoch of the process that began last. Costs nothing: no query is needed."""
    table = bigquery.TableReference.from_string(address.table(POSITION.full_name))
    field = bigquery.SchemaField("epoch", "INTEGER")
    with refusals(address, "see who commits changes"):
        rows = list(client.list_rows(table, selected_fields=[field], max_results=1))
    if not rows:
        raise WarehouseError(
            f"{address} has no row in {POSITION.full_name}: "
            f"python -m pipelines.provision --warehouse={address}"
        )
    return int(rows[0][0])


def _literals(values: Mapping[str, object]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in values.items()}
