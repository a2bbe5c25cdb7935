"""Which questions do people ask of the tables, and what is the answer to one?

A question is one file of `sql/queries`: a comment that says what is asked and what a row of the
answer is, then one query in the SQL of the models. Every answer carries its sample size `n`: a
rate or a quantile of three visits is no answer.
"""

import dataclasses
import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import polars as pl

from pipelines.models.run_models import Reckoning
from pipelines.models.sql_models import SQL, inputs_of, parameters_of, run_sql, teach_googlesql
from pipelines.readers.snapshot import Snapshot, WarehouseError

PARAMETERS = {
    "as_of_date": "what was known at the end of this day; default: the newest day with an event",
    "start_date": "first day that counts; default: the first day with an event",
    "end_date": "last day that counts; default: as_of_date",
    "away_days": f"days without a session that make a student away; default: {Reckoning.away_days}",
}
"""Parameters that a question may have, and what they mean."""

KINDS = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "double": pl.Float64(),
    "date": pl.Date(),
}
"""Words for the types of an answer's columns."""

_DAYS = "gold.platform_daily"
KNOWN_DAYS = f"SELECT MIN(date), MAX(date) FROM {_DAYS}"
"""The query of the first and the newest day with an event."""

_NO_DAY = datetime.date(1970, 1, 1)
_COLUMN = re.compile(r"  (?P<name>\w+) \((?P<kind>\w+)(?P<null> or null)?\): (?P<meaning>.+)")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of an answer; `kind` is a word of KINDS."""

    name: str
    kind: str
    is_nullable: bool
    meaning: str


@dataclasses.dataclass(frozen=True)
class Query:
    """A question, what a row of its answer is, its caveat, and the whole text of its file."""

    number: int
    name: str
    question: str
    row: str
    columns: tuple[Column, ...]
    caveat: str
    sql: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Full names of the tables it reads, sorted."""
        return inputs_of(self.sql)

    @property
    def parameters(self) -> list[str]:
        """Names of its parameters, in the order of PARAMETERS.

        A range of days can be given by as_of_date too: by default it ends there.
        """
        named = parameters_of(self.sql)
        named |= {"as_of_date"} if "end_date" in named else set()
        return [name for name in PARAMETERS if name in named]


def load_queries() -> dict[str, Query]:
    """All questions by name, in the order of their numbers."""
    files = sorted((SQL / "queries").glob("*.sql"))
    queries = [parse(path.stem, path.read_text("utf-8")) for path in files]
    return {query.name: query for query in queries}


def parse(stem: str, text: str) -> Query:
    """The question of a file called `NN_name.sql`.

    Raises ValueError when its comment does not say what is asked, a row, or the columns.
    """
    number, _, name = stem.partition("_")
    lines = [line.removeprefix("-- ").rstrip() for line in _head(text)]
    columns = tuple(_column(found) for line in lines if (found := _COLUMN.fullmatch(line)))
    caveats = [line.removeprefix("Caveat: ") for line in lines if line.startswith("Caveat: ")]
    if len(lines) < 3 or not lines[0].endswith("?") or not columns:
        raise ValueError(f"the comment of {stem}.sql lacks a question, a row or columns")
    return Query(int(number), name, lines[0], lines[1], columns, " ".join(caveats), text)


def find(queries: Mapping[str, Query], wanted: str) -> Query:
    """The question of that name or number; WarehouseError when there is none."""
    numbers = {str(query.number): query for query in queries.values()}
    found = queries.get(wanted) or numbers.get(wanted.lstrip("0"))
    if found is None:
        names = ", ".join(queries)
        raise WarehouseError(f"there is no query {wanted}, but: {names}")
    return found


def connect(snapshot: Snapshot, queries: Iterable[Query]) -> duckdb.DuckDBPyConnection:
    """A connection that can answer these questions: only their tables are opened."""
    names = {name for query in queries for name in query.inputs}
    connection = snapshot.connect(" ".join([_DAYS, *sorted(names)]))
    teach_googlesql(connection)
    return connection


def answer(
    connection: duckdb.DuckDBPyConnection, query: Query, given: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """The rows that answer a question; `given`: texts of parameters by name, others by default.

    Raises WarehouseError for a parameter that the question lacks, or a text that is no value.
    """
    values = read_parameters(query, given or {})
    return run_sql(connection, query.sql, fill_parameters(connection, values))


def read_parameters(query: Query, given: Mapping[str, str]) -> dict[str, Any]:
    """The values of parameters that are given as texts, by name. Raises WarehouseError."""
    return {name: _value(query, name, text) for name, text in given.items()}


def fill_parameters(
    connection: duckdb.DuckDBPyConnection, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values of all parameters: those given, and the default of every other one.

    Raises WarehouseError when the first day is after the last.
    """
    (days,) = connection.sql(KNOWN_DAYS).fetchall()
    return fill_from(days, given)


def fill_from(
    known: tuple[datetime.date | None, datetime.date | None],
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`fill_parameters` for the first and the newest day with an event, None without any."""
    first, newest = (date or _NO_DAY for date in known)
    values = {"as_of_date": newest, "away_days": Reckoning.away_days, **(given or {})}
    values.setdefault("end_date", values["as_of_date"])
    values.setdefault("start_date", min(first, values["end_date"]))
    if values["start_date"] > values["end_date"]:
        days = f"start_date {values['start_date']} is after end_date {values['end_date']}"
        raise WarehouseError(f"{days}: there is no such range of days")
    return values


def _head(text: str) -> list[str]:
    lines = text.splitlines()
    length = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:length]


def _column(found: re.Match[str]) -> Column:
    if found["kind"] not in KINDS:
        raise ValueError(f"{found['kind']} is none of {', '.join(KINDS)}")
    return Column(found["name"], found["kind"], bool(found["null"]), found["meaning"])


def _value(query: Query, name: str, text: str) -> Any:
    if name not in query.parameters:
        named = ", ".join(query.parameters) or "none"
        raise WarehouseError(f"{query.name} has no parameter {name}; it has: {named}")
    is_date = name.endswith("_date")
    try:
        return datetime.date.fromisoformat(text) if is_date else int(text)
    except ValueError:
        kind = "a date, YYYY-MM-DD" if is_date else "a whole number"
        raise WarehouseError(f"{name} is {kind}, not {text!r}") from None
