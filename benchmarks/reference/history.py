"""Which rows of silver count as of a date, and how are they added up?"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

Row = dict
Tables = Mapping[str, list[Row]]
"""Rows by name of table."""
DATES = {
    "events": "event_date",
    "sessions": "session_date",
    "chapter_visits": "visit_date",
    "question_attempts": "attempt_date",
    "video_views": "view_date",
}
"""The date that decides whether a row counts, by table."""


def until(tables: Tables, name: str, as_of: date) -> list[Row]:
    """Rows of a table whose own date is not after `as_of`; a table left out is empty."""
    return [row for row in tables.get(name, []) if row[DATES[name]] <= as_of]


def by_student(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by student_hash."""
    found = defaultdict(list)
    for row in rows:
        found[row["student_hash"]].append(row)
    return dict(found)


def total_ms(sessions: list[Row]) -> int:
    """Sum of the durations, in whole milliseconds."""
    return sum(round(session["session_duration_seconds"] * 1000) for session in sessions)


def monday(day: date) -> date:
    """First day of the ISO week."""
    return day - timedelta(days=day.weekday())


def mean(values: Iterable[float | None]) -> float | None:
    """Arithmetic mean of the values that are not None; None of nothing."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
