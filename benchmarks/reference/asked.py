"""Which days does a question of an analyst mean, and what are things called in its answer?"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from math import ceil, floor
from typing import Any, NamedTuple

from benchmarks.reference.run import DATE_COLUMNS

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by name of table: silver, daily gold, dimensions and tables over a range."""


class Asked(NamedTuple):
    """The parameters of a question."""

    as_of_date: date
    start_date: date
    end_date: date
    away_days: int = 7


def of_days(tables: Tables, name: str, asked: Asked) -> list[Row]:
    """Rows of a table whose own date lies in the range."""
    column = DATE_COLUMNS.get(name, "date")
    return [row for row in tables[name] if asked.start_date <= row[column] <= asked.end_date]


def as_of(tables: Tables, name: str, asked: Asked) -> list[Row]:
    """Rows of a table over a range, as of the date asked for."""
    return [row for row in tables[name] if row["as_of_date"] == asked.as_of_date]


def grouped(rows: Iterable[Row], *columns: str) -> dict[tuple, list[Row]]:
    """Rows by the values of some columns; null is a value."""
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return dict(groups)


def ratio(numerator: float, denominator: float) -> float | None:
    """A quotient; null over zero."""
    return numerator / denominator if denominator else None


def share(values: Iterable[bool | None]) -> float | None:
    """Share of the true ones among those that are known."""
    known = [value for value in values if value is not None]
    return ratio(sum(known), len(known))


def total_ms(rows: Iterable[Row], column: str) -> int:
    """Sum of a column of seconds, in whole milliseconds."""
    return sum(round(row[column] * 1000) for row in rows)


def quantile(values: Sequence[float], part: float) -> float:
    """By linear interpolation between the two nearest of the sorted values."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def distinct(rows: Iterable[Row], column: str = "student_hash") -> int:
    """How many values a column has."""
    return len({row[column] for row in rows})


def last(value: Hashable | None) -> tuple[bool, Any]:
    """A key to sort by that puts null after everything."""
    return (value is None, 0 if value is None else value)


def ordered(rows: Iterable[Row], key: Callable[[Row], tuple]) -> list[Row]:
    """Rows by a key; what only the key needs (columns that begin with _) is left out."""
    kept = sorted(rows, key=key)
    return [{name: row[name] for name in row if not name.startswith("_")} for row in kept]


def of_course(tables: Tables, course_id: str | None) -> Row:
    """What a course is called."""
    titles = {row["course_id"]: row["course_title"] for row in tables["dim_courses"]}
    return {"course": titles.get(course_id) or course_id or "(no course)", "course_id": course_id}


def of_chapter(tables: Tables, course_id: str | None, chapter_id: str | None) -> Row:
    """What a course and its chapter are called, and where the chapter stands."""
    places = {(row["course_id"], row["chapter_id"]): row for row in tables["dim_chapters"]}
    known = places.get((course_id, chapter_id), {})
    return {
        **of_course(tables, course_id),
        "chapter": known.get("chapter_title") or chapter_id or "(no chapter)",
        "chapter_id": chapter_id,
        "chapter_order": known.get("chapter_order"),
    }
