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
from typing import Any, Protocol

import polars as pl

from pipelines.models.checks import Check, Result, own_checks, run_checks
from pipelines.models.sql_models import (
    SQL,
    BrokenQueryError,
    Model,
    choose,
    dependants,
    load_models,
)
from pipelines.readers.snapshot import Snapshot, WarehouseError
from schemas import tables

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


Rows = pl.DataFrame | str
"""Rows as stored, or the name of the table where they wait."""


@dataclass(frozen=True)
class Made:
    """What came of one model. `rows`: None where it was not made or did not pass.

    `missing`: name of the model that it needs and that did not pass.
    """

    model: Model
    rows: Rows | None
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


class Engine(Protocol):
    """Where models run. Methods raise BrokenQueryError."""

    def run(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a query."""

    def make(
        self,
        table: tables.Table,
        sql: str,
        parameters: Mapping[str, Any],
        processed_at: datetime.datetime,
    ) -> Rows:
        """Make the rows of a table as stored; for later queries they are its rows."""


def run_models(
    engine: Engine, plan: Plan, reckoning: Reckoning, processed_at: datetime.datetime
) -> Iterator[Made]:
    """Run the models that were chosen, each once those that it reads are made and passed.

    Raises BrokenModelError, BrokenCheckError, WarehouseError.
    """
    lost: dict[str, str] = {}
    for model in plan.chosen:
        if model.name in lost:
            yield Made(model, None, missing=lost[model.name])
            continue
        made = _run_model(engine, model, plan.checks[model.name], reckoning, processed_at)
        if made.errors:
            lost |= dict.fromkeys(dependants(plan.models, model.name), model.name)
        yield made


def texts_of(plan: Plan) -> str:
    """All that names a table that the run reads."""
    texts = [model.sql for model in plan.chosen]
    texts += [check.sql for checks in plan.checks.values() for check in checks]
    return "\n".join([*texts, *(model.name for model in plan.chosen)])


def stored_inputs(plan: Plan) -> list[str]:
    """Full names of the models that are read but not chosen: their stored rows count."""
    made = {model.table.full_name for model in plan.chosen}
    read = {name for model in plan.chosen for name in model.inputs}
    known = {model.table.full_name for model in plan.models.values()}
    return sorted((read & known) - made)


def _run_model(
    engine: Engine,
    model: Model,
    own: list[Check],
    reckoning: Reckoning,
    processed_at: datetime.datetime,
) -> Made:
    began, parameters = time.perf_counter(), reckoning.parameters()
    table = model.table
    try:
        rows = engine.make(table, model.sql, parameters, processed_at)
        count, others = engine.run(_look_at(table), parameters).row(0)
    except BrokenQueryError as error:
        raise BrokenModelError(f"model {model.name} does not run: {error}") from None
    if others:
        date = reckoning.as_of_date
        raise BrokenModelError(f"model {model.name} gives rows as of other dates than {date}")
    results = run_checks(engine.run, table, own, parameters)
    made = Made(model, rows, count, results, time.perf_counter() - began)
    return dataclasses.replace(made, rows=None) if made.errors else made


def _look_at(table: tables.Table) -> str:
    """The query that counts the rows, and those of a date that is not asked for."""
    others = f"COUNTIF({_AS_OF} != @{_AS_OF})" if table.partition == _AS_OF else "0"
    return f"SELECT COUNT(*) AS found, {others} AS others FROM {table.full_name}"


def check_inputs(snapshot: Snapshot, plan: Plan) -> None:
    """Raise WarehouseError when a table that a model reads was there once and is not any more."""
    for name in sorted({name for model in plan.chosen for name in model.inputs}):
        if name not in snapshot.versions:
            continue  # the warehouse is older than the table, which is empty then
        try:
            snapshot.table(name)
        except WarehouseError as error:
            raise WarehouseError(f"{error}; run the batch again, which makes it") from None
