"""What must be true of a table, and is it? Checks from its description, and its own in SQL.

From `schemas`: the key is unique, columns that are never null have no null, values lie in the range
that their description gives, seconds and counts are not negative. A table's own checks are in
`sql/checks/<table>.sql`, in GoogleSQL: queries of one row (observed, expected), each after a line

    -- check: name | error: What must be true.

`error` or `warning`, with `, at most` behind it where less than expected is as good.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.models.sql_models import SQL, BrokenQueryError
from schemas import tables
from schemas.kinds import Kind, kind

TOLERANCE = 1e-9
"""Relative difference of two numbers that count as equal."""
ERROR, WARNING = "error", "warning"

_HEADER = re.compile(
    r"^-- check: (?P<name>\w+) \| (?P<severity>error|warning)(?P<at_most>, at most)?: "
    r"(?P<sentence>.+)$",
    re.MULTILINE,
)
_RANGE = re.compile(r"\((\d+)-(\d+)\b")
_NOT_NEGATIVE = ("_seconds", "_count", "_ms")


class BrokenCheckError(Exception):
    """A check that cannot be read or run; the message is one line."""


@dataclass(frozen=True)
class Check:
    """One statement about a table; `sql` gives one row: observed and expected.

    `is_limit`: less than expected is right too, and so is nothing at all.
    """

    table: str
    name: str
    severity: str
    sentence: str
    sql: str
    is_limit: bool = False


@dataclass(frozen=True)
class Rule:
    """One statement about every row of a table; `wrong` is true of rows that break it."""

    name: str
    sentence: str
    wrong: str


@dataclass(frozen=True)
class Result:
    """What came of a check."""

    check: Check
    observed: float | None
    expected: float | None

    @property
    def is_passed(self) -> bool:
        """Whether observed is as expected: equal, or at most that."""
        if self.observed is None or self.expected is None:
            return self.observed == self.expected or self.check.is_limit
        if self.check.is_limit and self.observed < self.expected:
            return True
        return math.isclose(self.observed, self.expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)

    @property
    def is_error(self) -> bool:
        """Whether it failed, and that is more than worth a look."""
        return not self.is_passed and self.check.severity == ERROR

    def __str__(self) -> str:
        check = self.check
        expected = f"at most {self.expected}" if check.is_limit else self.expected
        return (
            f"{check.table}: {check.severity} {check.name}: observed {self.observed}, "
            f"expected {expected}. {check.sentence}"
        )


def own_checks(table: tables.Table, folder: Path = SQL / "checks") -> list[Check]:
    """The checks that are written for a table; none without a file.

    Raises BrokenCheckError for a file that is not as the module says.
    """
    path = folder / f"{table.name}.sql"
    text = path.read_text("utf-8") if path.is_file() else ""
    found = list(_HEADER.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    checks = [_own_check(table, match, text[match.end() : end]) for match, end in zip(found, ends)]
    names = [check.name for check in checks]
    if text.count("-- check") != len(checks) or len(set(names)) < len(names):
        raise BrokenCheckError(
            f"{path.name}: write each -- check: name | error: What must be true."
        )
    return checks


def _own_check(table: tables.Table, header: re.Match[str], sql: str) -> Check:
    query = sql.strip().removesuffix(";")
    return Check(
        table.full_name,
        header["name"],
        header["severity"],
        header["sentence"],
        query,
        header["at_most"] is not None,
    )


def unique_key(table: tables.Table) -> Check:
    """No two rows have the same key; a null is a value."""
    keys = ", ".join(table.key)
    sql = (
        "SELECT COUNT(*) AS observed, 0 AS expected "
        f"FROM (SELECT {keys} FROM {table.full_name} GROUP BY {keys} HAVING COUNT(*) > 1) AS found"
    )
    return Check(table.full_name, "unique_key", ERROR, f"One row for each {keys}.", sql)


def rules_of(table: tables.Table) -> Iterator[Rule]:
    """What the description of a table says about each of its rows."""
    for column in table.columns:
        name, of = column.name, kind(column.type)
        if not of.is_nullable:
            yield Rule(f"not_null_{name}", f"{name} is never null.", f"{name} IS NULL")
        limits = _RANGE.search(column.description)
        if limits and _is_number(of):
            low, high = limits.groups()
            # A value that is no number is wrong too: it is not within.
            wrong = f"NOT ({name} >= {low} AND {name} <= {high})"
            yield Rule(f"range_{name}", f"{name} lies in {low}-{high}.", wrong)
        elif name.endswith(_NOT_NEGATIVE) and _is_number(of):
            yield Rule(f"range_{name}", f"{name} is not negative.", f"NOT ({name} >= 0)")


def count_wrong(table: tables.Table) -> str:
    """The query that counts the rows of a table that break each of its rules, in their order."""
    rules = enumerate(rules_of(table))
    counts = ", ".join(f"COUNTIF({rule.wrong}) AS wrong_{n}" for n, rule in rules)
    return f"SELECT {counts} FROM {table.full_name}"


RunQuery = Callable[[str, Mapping[str, Any]], pl.DataFrame]
"""Gives the rows of a query in GoogleSQL with parameters by name; raises BrokenQueryError."""


def run_checks(
    run: RunQuery, table: tables.Table, own: Sequence[Check], parameters: Mapping[str, Any]
) -> list[Result]:
    """The results of all checks of the table that `run` knows under its full name.

    Raises BrokenCheckError.
    """
    checks = (unique_key(table), *own)
    results = _run_rules(run, table)
    return results + [_run_check(run, check, parameters) for check in checks]


def _run_rules(run: RunQuery, table: tables.Table) -> list[Result]:
    """All rules in one query: each column is read once."""
    rules = list(rules_of(table))
    found = run(count_wrong(table), {}).row(0)
    return [
        Result(Check(table.full_name, rule.name, ERROR, rule.sentence, ""), float(wrong), 0.0)
        for rule, wrong in zip(rules, found)
    ]


def _run_check(run: RunQuery, check: Check, parameters: Mapping[str, Any]) -> Result:
    at = f"check {check.name} of {check.table}"
    try:
        rows = run(check.sql, parameters)
    except BrokenQueryError as error:
        raise BrokenCheckError(f"{at} does not run: {error}") from None
    if rows.height != 1 or rows.columns != ["observed", "expected"]:
        raise BrokenCheckError(f"{at} gives no single row of observed and expected")
    observed, expected = (None if value is None else float(value) for value in rows.row(0))
    return Result(check, observed, expected)


def _is_number(of: Kind) -> bool:
    return of.word in ("integer", "double") and not of.is_list
