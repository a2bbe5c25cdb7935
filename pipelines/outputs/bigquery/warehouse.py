"""How does a run commit to BigQuery? Its rows wait in tables of their own, then go in together.

A run stages the rows of each table. One transaction then removes the run's dates from every
table, puts the staged rows there and adds the row of the run: readers see all of it or nothing.
"""

import datetime
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from google.cloud import bigquery

from pipelines import storage
from pipelines.outputs.bigquery import turn
from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.connect import BigQueryError, connect, refusals
from pipelines.outputs.bigquery.describe_tables import Choices
from pipelines.outputs.bigquery.fold import fold_changes
from pipelines.outputs.bigquery.load import Staged, Waiting, run_once, stage
from pipelines.outputs.bigquery.plan import plan
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.outputs.bigquery.statements import (
    add_rows,
    drop_tables,
    keep_new,
    remove_dates,
    select_rows,
    set_replayed,
    transaction,
)
from pipelines.outputs.keep_among import Among
from pipelines.outputs.write_rows import NewFile, write_rows
from pipelines.readers.snapshot import WarehouseError
from schemas import arrow, tables

_LOG = logging.getLogger("chapterflow")


@dataclass(frozen=True)
class _Replaced:
    """Rows that a table is to have of `dates` (None: at all)."""

    dates: frozenset[datetime.date] | None
    staged: Staged | Waiting | None

    def tables(self) -> list[str]:
        return self.staged.wait() if self.staged else []


class BigQueryWarehouse:
    """The tables in BigQuery: the writers' side, in the words of `Lake`.

    What a run changes is seen by its own reads at once, by others when its turn ends after
    `complete`. Methods raise WarehouseError and BigQueryError.
    """

    def __init__(self, address: Address, staging: str, client: bigquery.Client) -> None:
        self.address, self.client = address, client
        self.files = storage.join(staging, "files")
        self._replaced: dict[str, _Replaced] = {}
        self._staged: list[Staged] = []
        self._statements: list[str] = []
        self._run_id, self._is_complete, self._is_folded = "", False, False

    def create_tables(self) -> None:
        """Refuse to begin unless everything is there that rows are to be written to."""
        found = plan(self.client, self.address, Choices())
        wrong = [*found.conflicts, *(step.words for step in found.steps if step.is_needed)]
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise WarehouseError(
                f"{self.address} is not ready, to do: {wrong[0]}{more}; "
                f"python -m pipelines.provision --warehouse={self.address}"
            )

    @contextmanager
    def turn(self, run_id: str) -> Iterator[None]:
        """Let one run commit at a time, after what a stream has changed is in the tables.

        Older changes would be laid over the dates that the run replaces.
        """
        self._run_id = run_id
        turn.take_turn(self.client, self.address, run_id)
        try:
            self._fold(run_id)
            with turn.keeping_turn(self.client, self.address, run_id):
                yield
            if self._is_complete:
                self._commit()
        finally:
            self._is_folded = False
            self._give_back(run_id)

    def write(self, name: str, rows: pl.DataFrame) -> list[NewFile]:
        """Write rows of a table to files that `replace_dates` takes."""
        return list(write_rows(self.files, name, rows, keeps_partition=True))

    def versions(self) -> dict[str, int]:
        """None: readers here see what is committed, and the past by FOR SYSTEM_TIME AS OF."""
        return {}

    def dates(self, name: str) -> set[datetime.date]:
        """The dates that a table has rows of."""
        column = str(tables.get(name).partition)
        found = self.read(name, None, [column], is_distinct=True)
        return set(found[column].drop_nulls())

    def read(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
        is_distinct: bool = False,
    ) -> pl.DataFrame:
        """Rows of some dates or all, with what this run replaced.

        They are those of now; within a turn those of its beginning.
        """
        table = tables.get(name)
        names = list(columns or (column.name for column in table.columns))
        wanted = None if dates is None else frozenset(dates)
        new = self._replaced.get(name, _Replaced(frozenset(), None))
        selects = [
            select_rows(staged, table, names, wanted, frozenset(), among) for staged in new.tables()
        ]
        if new.dates is not None:
            here = self._place_of(table)
            selects.append(select_rows(here, table, names, wanted, new.dates, among))
        union = "\nUNION ALL\n".join(selects)
        sql = f"SELECT DISTINCT * FROM (\n{union}\n)" if is_distinct else union
        schema = arrow.schema(name)
        if not selects:
            return pl.DataFrame(schema.empty_table().select(names))
        found = rows_of(self.client, self.address, sql, f"read {table.full_name}")
        return found.cast(pl.DataFrame(schema.empty_table().select(names)).schema)

    def replace_dates(
        self,
        name: str,
        files: Sequence[NewFile],
        dates: Iterable[datetime.date] | None,
        run_id: str,
    ) -> None:
        """After the commit the rows of `dates` (None: all rows) are exactly those of `files`."""
        table = tables.get(name)
        whole = None if dates is None or table.partition is None else frozenset(dates)
        if whole is not None and not whole:
            return
        paths = [storage.join(self.files, table.path, file.path) for file in files]
        staged = stage(self.client, self.address, table, paths, run_id) if paths else None
        self._replaced[name] = _Replaced(whole, staged)

    def replace_with(self, name: str, waiting: str, date: datetime.date) -> None:
        """After the commit the rows of a date (all, without dates) are those of another table."""
        dates = frozenset([date]) if tables.get(name).partition else None
        self._replaced[name] = _Replaced(dates, Waiting(waiting))

    def merge_new(self, name: str, rows: pl.DataFrame, run_id: str) -> None:
        """Add the rows whose key the table does not have yet; the others stay as they are."""
        if rows.is_empty():
            return
        table = tables.get(name)
        source = rows.unique(list(table.key), keep="first", maintain_order=True)
        for staged in self._stage(table, source, run_id).wait():
            self._statements.append(keep_new(self.address.table(table.full_name), staged, table))

    def mark_replayed(self, letters: Sequence[str], run_id: str) -> None:
        """Note that dead letters have been put where they belong."""
        self._statements.append(set_replayed(self.address.table("ops.dead_letters"), letters))

    def complete(self, row: pl.DataFrame) -> None:
        """All that is to be committed is there, the row of the run too: the turn ends with it."""
        runs = tables.get("pipeline_runs")
        (named,) = self._stage(runs, row, self._run_id).wait()
        for name, new in self._replaced.items():
            self._statements += self._replacement(tables.get(name), new)
        self._statements.append(add_rows(self.address.table(runs.full_name), named, runs))
        self._is_complete = True

    def _commit(self) -> None:
        """One transaction. Tried again it is found, and not made twice."""
        first = turn.turn_ends(self.address, self._run_id)
        sql = transaction([first, *self._statements])
        with refusals(self.address, "commit the run"):
            job = run_once(
                self.client,
                f"{self._run_id}-commit",
                lambda job_id: self.client.query(sql, job_id=job_id, job_retry=None),
            )
            job.result()
        self._clean_up([*self._staged, *(r.staged for r in self._replaced.values() if r.staged)])

    def _fold(self, run_id: str) -> None:
        first = turn.turn_goes_on(self.address, run_id)
        if fold_changes(self.client, self.address, run_id, first).rounds:
            # It may have taken longer than a turn.
            turn.take_turn(self.client, self.address, run_id)
        self._is_folded = True

    def _place_of(self, table: tables.Table) -> str:
        """Once all is folded, the table itself: it is cheaper to read."""
        name = table.full_name
        return self.address.table(name) if self._is_folded else self.address.current(name)

    def _replacement(self, table: tables.Table, new: _Replaced) -> Iterator[str]:
        here = self.address.table(table.full_name)
        yield remove_dates(here, table, new.dates)
        for staged in new.tables():
            yield add_rows(here, staged, table)

    def _stage(self, table: tables.Table, rows: pl.DataFrame, run_id: str) -> Staged:
        files = self.write(table.name, rows)
        paths = [storage.join(self.files, table.path, file.path) for file in files]
        staged = stage(self.client, self.address, table, paths, run_id)
        self._staged.append(staged)
        return staged

    def _give_back(self, run_id: str) -> None:
        try:
            turn.give_turn_back(self.client, self.address, run_id)
        except (WarehouseError, BigQueryError) as error:
            _LOG.warning("%s; others can commit in %d s", error, turn.TURN_SECONDS)

    def _clean_up(self, staged: Sequence[Staged | Waiting]) -> None:
        names = [name for each in staged for name in each.wait()]
        try:
            with refusals(self.address, "drop what was staged"):
                self.client.query_and_wait(drop_tables(names))
        except (WarehouseError, BigQueryError) as error:
            _LOG.warning("%s; BigQuery drops it after a day", error)


def open_bigquery(address: Address, staging: str) -> BigQueryWarehouse:
    """The warehouse at an address. Raises WarehouseError when it is not there."""
    return BigQueryWarehouse(address, staging, open_client(address))


def open_client(address: Address) -> bigquery.Client:
    """A client of the warehouse's location. Raises WarehouseError when it is not there."""
    client = connect(address.project)
    with refusals(address, "look at the warehouse"):
        # Jobs of a region are found again only by those who name it.
        location = client.get_dataset(address.dataset("ops")).location
    return connect(address.project, location)
