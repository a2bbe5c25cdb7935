"""Where do range tables come to be? In a folder's Delta tables, or in BigQuery, without leaving it.

A place is asked, gives the engine that runs models and checks, keeps the rows that pass, and makes
all of them visible at once, with the row of the run.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipelines.models.checks import Result
from pipelines.models.run_in_bigquery import InBigQuery
from pipelines.models.run_in_duckdb import InDuckDb
from pipelines.models.run_models import Made, Plan, Reckoning, check_inputs, stored_inputs, texts_of
from pipelines.options.batch_options import fail
from pipelines.outputs.bigquery.address import is_bigquery
from pipelines.outputs.bigquery.warehouse import BigQueryWarehouse, open_bigquery
from pipelines.outputs.commit_tables import (
    NewRows,
    commit_tables,
    replace_results,
    write_new_rows,
)
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.lake import Lake
from pipelines.readers.query_bigquery import open_reader
from pipelines.readers.snapshot import open_snapshot
from schemas import tables


class FolderPlace:
    """A warehouse in a folder or bucket. Methods raise WarehouseError."""

    def __init__(self, warehouse: str) -> None:
        self.snapshot, self.lake = open_snapshot(warehouse), Lake(warehouse)
        self._changes: list[NewRows] = []

    def ask(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        return self.snapshot.connect(sql).sql(sql).fetchall()[0]

    def inputs(self, names: Sequence[str]) -> dict[str, int]:
        """Versions of the tables that are read, by full name."""
        return {name: self.snapshot.version(name) for name in names}

    def refuse_missing(self, plan: Plan) -> None:
        """Refuse to begin when a table that is read is gone."""
        check_inputs(self.snapshot, plan)

    def engine(self, plan: Plan, reckoning: Reckoning, run: Run) -> InDuckDb:
        """What the models run on: of range tables that stay, the rows of the date."""
        self.lake.create_tables()
        engine = InDuckDb(self.snapshot.connect(texts_of(plan)))
        for name in stored_inputs(plan):
            rows = self.snapshot.polars(name, [reckoning.as_of_date])
            _note_if_empty(name, rows.height, reckoning)
            engine.show(_table(name), rows)
        return engine

    def checker(self, run: Run) -> InDuckDb:
        """What checks of all tables run on."""
        self.lake.create_tables()
        return InDuckDb(self.snapshot.connect())

    def keep(self, made: Made, reckoning: Reckoning) -> None:
        """Write rows where no reader sees them yet."""
        assert not isinstance(made.rows, str)
        if made.rows is not None:
            date = reckoning.as_of_date
            self._changes.append(write_new_rows(self.lake, made.model.name, made.rows, date))

    def commit(self, run: Run, results: Sequence[Result]) -> None:
        """Make what was kept visible, and the results of checks."""
        commit_tables(self.lake, run, self._changes, results)


class BigQueryPlace:
    """A warehouse in BigQuery. Methods raise WarehouseError and BigQueryError."""

    def __init__(self, warehouse: str) -> None:
        self.reader = open_reader(warehouse)
        self._changes: list[tuple[str, str, Reckoning]] = []

    def ask(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        return self.reader.run(sql).row(0)

    def inputs(self, names: Sequence[str]) -> dict[str, int]:
        """None: the past is read by time there, not by version."""
        return {}

    def refuse_missing(self, plan: Plan) -> None:
        """BigQuery says itself what is not there."""

    def engine(self, plan: Plan, reckoning: Reckoning, run: Run) -> InBigQuery:
        """What the models run on: of range tables that stay, the rows of the date."""
        engine = InBigQuery(self.reader, run.run_id)
        for name in stored_inputs(plan):
            _note_if_empty(name, engine.show(_table(name), reckoning.as_of_date), reckoning)
        return engine

    def checker(self, run: Run) -> InBigQuery:
        """What checks of all tables run on."""
        return InBigQuery(self.reader, run.run_id)

    def keep(self, made: Made, reckoning: Reckoning) -> None:
        """Remember the table where rows wait."""
        assert made.rows is None or isinstance(made.rows, str)
        if made.rows is not None:
            self._changes.append((made.model.name, made.rows, reckoning))

    def commit(self, run: Run, results: Sequence[Result]) -> None:
        """One transaction for all."""
        with tempfile.TemporaryDirectory() as staging:
            self._commit_to(open_bigquery(self.reader.address, staging), run, results)

    def _commit_to(self, there: BigQueryWarehouse, run: Run, results: Sequence[Result]) -> None:
        with there.turn(run.run_id):
            for name, waiting, reckoning in self._changes:
                there.replace_with(name, waiting, reckoning.as_of_date)
            if results:
                replace_results(there, run, results)
            there.complete(describe_run(run, Counter(), {}, "completed"))


Place = FolderPlace | BigQueryPlace


def open_place(warehouse: str) -> Place:
    """The warehouse of that name. Raises WarehouseError, UsageError."""
    return BigQueryPlace(warehouse) if is_bigquery(warehouse) else FolderPlace(warehouse)


def _note_if_empty(name: str, rows_count: int, reckoning: Reckoning) -> None:
    if not rows_count:
        wanted = f"--select={name.partition('.')[2]}+"
        date = reckoning.as_of_date
        fail(f"{name} has no rows as of {date}: if it was never made, give {wanted}", 0)


def _table(full_name: str) -> tables.Table:
    return tables.get(full_name.partition(".")[2])
