"""Which SQL models are there, what do they read, and how does their text run in DuckDB?

A model is one query in the part of GoogleSQL that DuckDB reads too. What DuckDB lacks are a few
functions (`sql/duckdb_macros.sql`) and the spelling of parameters: `@name` is `$name` there.
"""

import dataclasses
import graphlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.readers.snapshot import WarehouseError
from schemas import tables
from transforms.diff_rows import STAMPS

SQL = Path(__file__).parents[2] / "sql"

_LEAVE = r"--[^\n]*|'(?:[^'\\]|\\.|'')*'"
"""Comments and texts: nothing is read out of them."""
_PARAMETER = re.compile(rf"{_LEAVE}|@(?P<name>\w+)")
_TABLE = re.compile(rf"{_LEAVE}|\b(?P<name>(?:{'|'.join(tables.LAYERS)})\.\w+)")


class BrokenQueryError(Exception):
    """A query that does not run; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Model:
    """One query that makes one table; `inputs` are the full names of the tables it reads."""

    name: str
    sql: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Full names of the tables it reads, sorted: `silver.sessions`."""
        return inputs_of(self.sql)

    @property
    def table(self) -> tables.Table:
        """What it makes."""
        return tables.get(self.name)


def load_models(folder: Path = SQL / "models") -> dict[str, Model]:
    """All models of a folder by name, each after the models that it reads."""
    files = sorted(folder.glob("*.sql"))
    found = {path.stem: Model(path.stem, path.read_text("utf-8")) for path in files}
    needed = {name: sorted(_made(model, found)) for name, model in found.items()}
    return {name: found[name] for name in graphlib.TopologicalSorter(needed).static_order()}


def choose(models: Mapping[str, Model], wanted: Iterable[str]) -> list[Model]:
    """The models named, in order; `name+` also takes all that depends on it.

    Raises WarehouseError for a name that is none.
    """
    chosen: set[str] = set()
    for text in wanted:
        name = text.removesuffix("+")
        if name not in models:
            raise WarehouseError(f"there is no model {name}, but: {', '.join(sorted(models))}")
        chosen |= dependants(models, name) if text.endswith("+") else {name}
    return [model for name, model in models.items() if name in chosen]


def dependants(models: Mapping[str, Model], name: str) -> set[str]:
    """A model and every model that reads it, directly or not (`models` in order)."""
    found = {name}
    for other, model in models.items():
        if _made(model, models) & found:
            found.add(other)
    return found


def inputs_of(sql: str) -> tuple[str, ...]:
    """Full names of the tables that a query reads, sorted."""
    names = (match["name"] for match in _TABLE.finditer(sql))
    return tuple(sorted({name for name in names if name}))


def parameters_of(sql: str) -> set[str]:
    """Names of the parameters of a query, without their @."""
    names = (match["name"] for match in _PARAMETER.finditer(sql))
    return {name for name in names if name}


def used_parameters(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that a query names."""
    named = parameters_of(sql)
    return {name: value for name, value in parameters.items() if name in named}


def refuse_other_columns(table: tables.Table, columns: list[str]) -> None:
    """Raise BrokenQueryError unless a query gives the columns of a table but its stamps."""
    wanted = [column.name for column in table.columns if column.name not in STAMPS]
    if columns != wanted:
        differ = sorted(set(columns) ^ set(wanted)) or "their order"
        raise BrokenQueryError(f"it gives other columns than its table: {differ}")


def teach_googlesql(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the functions of GoogleSQL that it lacks."""
    connection.execute((SQL / "duckdb_macros.sql").read_text("utf-8"))


def run_sql(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]
) -> pl.DataFrame:
    """The rows of a query in GoogleSQL, of a connection that was taught it.

    `parameters`: values by name; those that the query does not name are left out.
    """
    given = used_parameters(sql, parameters)
    text = _PARAMETER.sub(lambda found: f"${found['name']}" if found["name"] else found[0], sql)
    rows = pl.DataFrame(connection.sql(text, params=given).to_arrow_table())
    # DuckDB counts and sums whole numbers in 128 bits, GoogleSQL in 64; 0.5 is a decimal to it.
    kinds = {name: kind for name, kind in rows.schema.items() if isinstance(kind, pl.Decimal)}
    return rows.cast({name: pl.Float64 if kind.scale else pl.Int64 for name, kind in kinds.items()})


def _made(model: Model, models: Collection[str]) -> set[str]:
    """Names of the models that a model reads."""
    names = {full_name.partition(".")[2] for full_name in model.inputs}
    return names & set(models)
