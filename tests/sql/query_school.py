"""What do the analysts' queries read in a test? A school's tables, and some over a range."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from random import Random
from types import NoneType, UnionType
from typing import Any, get_args

import polars as pl

from benchmarks.reference.asked import Asked, Row
from benchmarks.simulate import simulate
from pipelines.readers.queries import Query, load_queries
from schemas import tables
from tests.in_memory import Plan, run
from tests.sql.course_records import CATALOGUES, event, lively, stay
from tests.sql.course_school import frame_of
from transforms.catalogue import build_catalogue
from transforms.describe_dimensions import describe_chapters, describe_courses

Tables = dict[str, list[Row]]
QUERIES = load_queries()
READ = sorted({name.partition(".")[2] for query in QUERIES.values() for name in query.inputs})
"""Names of the tables that a query reads."""
ROWS_OF_A_RANGE_TABLE = 30
_LONG_TEXTS = ("metadata", "page", "event_name", "client_session_id", "os", "browser")
"""Columns that no query reads: a request to the reference engine holds 4 MB at most."""


@cache
def simulated_school() -> Tables:
    """Six weeks of a small school, so that a month of active students is shorter than all days."""
    school = simulate(seed=11, students=5, days=42)
    return tables_of(school.records, school.catalog)


def lively_school(seed: int) -> Tables:
    """Few students who do anything: no course, no chapter, no time, the same times again."""
    return tables_of(list(lively(Random(seed))), CATALOGUES[0], seed)


@cache
def school_of_twins() -> Tables:
    """More students than a list of the best is long, who do the same: everything is a tie.

    One is there on the first day only, another 29 and 30 days later.
    """
    records = [event("first", 0.5, "login"), event("late", 29.5, "login")]
    records.append(event("late", 30.5, "login"))
    for number in range(103):
        records += _sitting(f"twin{number}")
    return tables_of(records, CATALOGUES[0])


def _sitting(student: str) -> Iterator[bytes]:
    """The same visits in every course, the same answers, a video left at each quarter."""
    for place, course in enumerate(("k2", None, "k1", "k9")):
        skim: dict[str, Any] = {"course_id": course, "scroll_depth": 90}
        yield stay(student, 29.1 + place / 10, 0.1, chapter_id="h2", **skim)
        yield stay(student, 29.15 + place / 10, 0.1, chapter_id="h1", **skim)
        asked = {"course_id": course, "chapter_id": "h1" if place else None, "correct": False}
        asked["quiz_id"], asked["question_id"] = (("q1", "1"), (None, "1"), ("q1", None))[place % 3]
        yield event(student, 29.16 + place / 10, "quiz_answer", **asked)
        video = {"course_id": course, "video_id": f"v{place}", "video_duration": 40}
        yield event(student, 29.17 + place / 10, "video_play", current_time=0, **video)
        end, seconds = 29.17 + (place / 10) + (10 * place + 10) / 86_400, 10 * place + 10
        yield event(student, end, "video_pause", current_time=seconds, **video)


def tables_of(
    records: Sequence[bytes], catalogue: Sequence[Mapping[str, Any]], seed: int = 1
) -> Tables:
    """All that records give, the dimensions, and tables over a range with any rows."""
    found = run(records, Plan(catalog=catalogue)).tables
    found["dim_courses"] = describe_courses(build_catalogue(catalogue)).to_dicts()
    found["dim_chapters"] = describe_chapters(build_catalogue(catalogue)).to_dicts()
    for name in READ:
        if tables.get(name).partition == "as_of_date":
            found[name] = _any_rows(name, found, Random(seed))
    shorter = dict.fromkeys(_LONG_TEXTS)
    found["events"] = [{**row, **shorter, "metadata": "{}"} for row in found.get("events", [])]
    return {name: found.get(name, []) for name in (*READ, "events", "sessions")}


def days_of(given: Tables) -> list[datetime.date]:
    """Dates with an event, sorted."""
    return sorted(row["date"] for row in given["platform_daily"])


def all_days(given: Tables) -> Asked:
    """The parameters that a question has by default."""
    days = days_of(given)
    return Asked(days[-1], days[0], days[-1])


def two_weeks(given: Tables) -> Asked:
    """14 days somewhere in the middle of those there are."""
    end = days_of(given)[0] + datetime.timedelta(days=34)
    return Asked(end, end - datetime.timedelta(days=13), end, away_days=3)


def day_29(given: Tables) -> Asked:
    """A day whose month of active students begins with the first day."""
    day = days_of(given)[0] + datetime.timedelta(days=29)
    return Asked(day, day, day)


def one_day(given: Tables) -> Asked:
    """The first day."""
    first = days_of(given)[0]
    return Asked(first, first, first)


def frames_of(given: Tables, query: Query) -> dict[str, pl.DataFrame]:
    """Frames by full name of the tables of a query, with the columns that they have in storage."""
    names = (name.partition(".")[2] for name in query.inputs)
    return {tables.get(name).full_name: frame_of(name, given[name]) for name in names}


def _any_rows(name: str, given: Mapping[str, list[Row]], chance: Random) -> list[Row]:
    """Rows of a table over a range, as of every date, that need not agree with anything."""
    visits = given.get("chapter_visits", [])
    table, days = tables.get(name), [row["date"] for row in given.get("platform_daily", [])]
    rows = {}
    for day in days:
        for _ in range(ROWS_OF_A_RANGE_TABLE if visits else 0):
            row = {c.name: _any_value(c.type, chance) for c in table.columns}
            row |= {"as_of_date": day, **_place(chance.choice(visits), row)}
            rows[tuple(row[column] for column in table.key)] = row
    return list(rows.values())


def _place(visit: Row, row: Iterable[str]) -> Row:
    return {c: visit[c] for c in ("student_hash", "course_id", "chapter_id") if c in row}


def _any_value(kind: Any, chance: Random) -> Any:
    if isinstance(kind, UnionType):
        (inner,) = (one for one in get_args(kind) if one is not NoneType)
        return None if chance.random() < 0.2 else _any_value(inner, chance)
    values = {
        bool: chance.random() < 0.5,
        int: chance.choice((0, 1, 7, 20)),
        float: chance.choice((0.0, 0.25, chance.random())),
        str: "any",
        datetime.date: datetime.date(2025, 9, 1) + datetime.timedelta(weeks=chance.randrange(6)),
        datetime.datetime: datetime.datetime(2025, 9, 1, tzinfo=datetime.UTC),
    }
    return values[kind]
