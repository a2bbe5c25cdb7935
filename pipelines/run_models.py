"""Which rows do the models make as of a date, and do they pass their checks?

A model that reads another one gets the rows that this very run just made, if they passed; if the
other is not among those chosen, the rows that are stored for the date.
"""

import dataclasses
import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.checks import Check, Result, own_checks, run_checks
from pipelines.models import SQL, Model, choose, dependants, load_models, run_sql, teach_googlesql
from pipelines.outputs.find_keys import stored_schema
from pipelines.snapshot import Snapshot, WarehouseError, one_line
from schemas import tables
from transforms.present import present

_STAMPS = {"processed_at", "schema_version"}
_AS_OF = "as_of_date"


class BrokenModelError(Exception):
    """A model that does not run, or not to the columns of its table; the message is one line."""


@dataclass(frozen=True)
class Reckoning:
    """What the models depend on besides the tables: the parameters of their texts."""

    as_of_date: datetime.date
    away_days: int = 7
    pass_mark: float = 0.6

    def parameters(self) -> dict[str, Any]:
        """Values by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Made:
    """What came of one model. `rows` as stored; None where it was not made or did not pass.

    `missing`: name of the model that it needs and that did not pass.
    """

    model: Model
    rows: pl.DataFrame | None
    rows_count: int = 0
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    missing: str = ""

    @property
    def errors(self) -> list[Result]:
        """The checks that keep the rows from being stored."""
        return [result for result in self.results if result.is_error]


@dataclass(frozen=True)
class Plan:
    """The models to run, in order, of all that there are, and the checks of each by its name."""

    models: Mapping[str, Model]
    chosen: Sequence[Model]
    checks: Mapping[str, list[Check]]


def plan_models(select: Sequence[str], sql: Path = SQL) -> Plan:
    """What a choice such as `student_features+` means; nothing chosen is everything.

    Raises WarehouseError for a name that is no model.
    """
    models = load_models(sql / "models")
    chosen = choose(models, select or models)
    checks = {model.name: own_checks(model.table, sql / "checks") for model in chosen}
    return Plan(models, chosen, checks)


def run_models(
    snapshot: Snapshot, plan: Plan, reckoning: Reckoning, processed_at: datetime.datetime
) -> Iterator[Made]:
    """Run the models that were chosen, each once those that it reads are made and passed.

    Raises BrokenModelError, BrokenCheckError, WarehouseError.
    """
    connection = _connect(snapshot, plan, reckoning.as_of_date)
    lost: dict[str, str] = {}
    for model in plan.chosen:
        if model.name in lost:
            yield Made(model, None, missing=lost[model.name])
            continue
        made = _run_model(connection, model, plan.checks[model.name], reckoning, processed_at)
        if made.errors:
            lost |= dict.fromkeys(dependants(plan.models, model.name), model.name)
        yield made


def stored_inputs(plan: Plan) -> list[str]:
    """Full names of the models that are read but not chosen: their stored rows count."""
    made = {model.table.full_name for model in plan.chosen}
    read = {name for model in plan.chosen for name in model.inputs}
    known = {model.table.full_name for model in plan.models.values()}
    return sorted((read & known) - made)


def _connect(snapshot: Snapshot, plan: Plan, date: datetime.date) -> duckdb.DuckDBPyConnection:
    texts = [model.sql for model in plan.chosen]
    texts += [check.sql for checks in plan.checks.values() for check in checks]
    texts += [model.name for model in plan.chosen]
    connection = snapshot.connect("\n".join(texts))
    teach_googlesql(connection)
    for full_name in stored_inputs(plan):
        _show(
            connection, tables.get(full_name.partition(".")[2]), snapshot.polars(full_name, [date])
        )
    return connection


def _show(connection: duckdb.DuckDBPyConnection, table: tables.Table, rows: pl.DataFrame) -> None:
    """From now on these are the rows of a table."""
    connection.register(f"made_{table.name}", rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    connection.execute(
        f"CREATE OR REPLACE VIEW {table.full_name} AS SELECT * FROM made_{table.name}"
    )


def _run_model(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    own: list[Check],
    reckoning: Reckoning,
    processed_at: datetime.datetime,
) -> Made:
    began, parameters = time.perf_counter(), reckoning.parameters()
    try:
        found = run_sql(connection, model.sql, parameters)
    except duckdb.Error as error:
        raise BrokenModelError(f"model {model.name} does not run: {one_line(error)}") from None
    rows = _as_stored(model, found, reckoning.as_of_date, processed_at)
    _show(connection, model.table, rows)
    results = run_checks(connection, model.table, own, parameters)
    made = Made(model, rows, rows.height, results, time.perf_counter() - began)
    return dataclasses.replace(made, rows=None) if made.errors else made


def _as_stored(
    model: Model, found: pl.DataFrame, date: datetime.date, processed_at: datetime.datetime
) -> pl.DataFrame:
    table = model.table
    wanted = [column.name for column in table.columns if column.name not in _STAMPS]
    if found.columns != wanted:
        differ = sorted(set(found.columns) ^ set(wanted)) or "their order"
        raise BrokenModelError(f"model {model.name} gives other columns than its table: {differ}")
    try:
        rows = present(table.name, found, processed_at).cast(pl.Schema(stored_schema(table)))
    except pl.exceptions.PolarsError as error:
        message = f"model {model.name} gives values of other types: {one_line(error)}"
        raise BrokenModelError(message) from None
    if table.partition == _AS_OF and set(rows[_AS_OF]) - {date}:
        raise BrokenModelError(f"model {model.name} gives rows as of other dates than {date}")
    return rows


def check_inputs(snapshot: Snapshot, plan: Plan) -> None:
    """Raise WarehouseError when a table that a model reads was there once and is not any more."""
    for name in sorted({name for model in plan.chosen for name in model.inputs}):
        if name not in snapshot.versions:
            continue  # the warehouse is older than the table, which is empty then
        try:
            snapshot.table(name)
        except WarehouseError as error:
            raise WarehouseError(f"{error}; run the batch again, which makes it") from None
