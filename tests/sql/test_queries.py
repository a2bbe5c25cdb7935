"""Are the answers to the analysts' questions right, in both engines, and as they are described?"""

import datetime
from collections.abc import Callable

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.reference.asked import Asked
from benchmarks.reference.asked_of_students import ANSWERS
from pipelines.readers.queries import KINDS, PARAMETERS, Query, parse
from schemas import tables
from tests.compare_rows import RELATIVE_TOLERANCE
from tests.googlesql.agree import assert_both_engines_agree, in_duckdb
from tests.googlesql.engine import Engine
from tests.sql.query_school import (
    QUERIES,
    Tables,
    all_days,
    day_29,
    frames_of,
    lively_school,
    one_day,
    school_of_twins,
    simulated_school,
    tables_of,
    two_weeks,
)

NEVER_EMPTY = sorted(QUERIES.keys() - {"away_students"})
NO_TABLES = tables_of([], [])
SOME_DAYS = Asked(*[datetime.date(2025, 9, 20)] * 3)
every_query = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
every_range = pytest.mark.parametrize("days", [all_days, two_weeks, one_day])


def answer(query: Query, given: Tables, asked: Asked) -> pl.DataFrame:
    return in_duckdb(query.sql, frames_of(given, query), asked._asdict())


def expected(query: Query, given: Tables, asked: Asked) -> pl.DataFrame:
    """The answer of the reference, with the columns and types that the comment promises."""
    rows = ANSWERS[query.name](given, asked)
    return pl.DataFrame(rows, schema={c.name: KINDS[c.kind] for c in query.columns})


def assert_same_answer(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    assert_frame_equal(ours, theirs, rel_tol=RELATIVE_TOLERANCE, abs_tol=0)


def within(given: Tables, asked: Asked) -> Tables:
    """The tables without the rows of other days; tables without days as they are."""
    return {
        name: [
            row
            for row in rows
            if column_of_days(name) is None
            or asked.start_date <= row[column_of_days(name)] <= asked.end_date
        ]
        for name, rows in given.items()
    }


def column_of_days(name: str) -> str | None:
    partition = tables.get(name).partition
    return None if partition == "as_of_date" else partition


@every_query
@every_range
def test_answer_is_that_of_the_slow_reference(
    query: Query, days: Callable[[Tables], Asked]
) -> None:
    given = simulated_school()
    asked = days(given)
    assert_same_answer(answer(query, given, asked), expected(query, given, asked))


@pytest.mark.parametrize("name", NEVER_EMPTY)
def test_simulated_school_has_an_answer_to_compare(name: str) -> None:
    given = simulated_school()
    assert len(ANSWERS[name](given, two_weeks(given))) > 0


@pytest.mark.parametrize("seed", range(8))
def test_answers_are_right_for_students_who_do_anything(seed: int) -> None:
    given = lively_school(seed)
    for query in QUERIES.values():
        asked = all_days(given)
        assert_same_answer(answer(query, given, asked), expected(query, given, asked))


@every_query
@pytest.mark.parametrize("days", [all_days, day_29])
def test_equal_rows_have_an_order_of_their_own(
    query: Query, days: Callable[[Tables], Asked]
) -> None:
    given = school_of_twins()
    asked = days(given)
    assert_same_answer(answer(query, given, asked), expected(query, given, asked))


def test_only_the_hundred_most_engaged_students_are_listed() -> None:
    given = school_of_twins()
    rows = answer(QUERIES["top_students"], given, all_days(given))
    assert rows["place"].to_list() == list(range(1, 101))


@every_query
def test_both_engines_give_the_same_rows_in_the_same_order(query: Query, googlesql: Engine) -> None:
    given = simulated_school()
    asked = two_weeks(given)._asdict()
    ours = assert_both_engines_agree(googlesql, query.sql, frames_of(given, query), asked)
    assert_same_answer(googlesql.run(query.sql, asked), ours)


@every_query
def test_both_engines_give_no_rows_for_empty_tables(query: Query, googlesql: Engine) -> None:
    asked = SOME_DAYS._asdict()
    rows = assert_both_engines_agree(googlesql, query.sql, frames_of(NO_TABLES, query), asked)
    assert rows.is_empty()


@every_query
def test_answer_has_the_shape_that_its_comment_says(query: Query) -> None:
    given = simulated_school()
    none = answer(query, NO_TABLES, SOME_DAYS)
    assert none.is_empty()
    for rows in (none, answer(query, given, all_days(given))):
        assert dict(rows.schema) == {c.name: KINDS[c.kind] for c in query.columns}
        never_null = [c.name for c in query.columns if not c.is_nullable]
        assert rows.select(never_null).null_count().sum_horizontal().sum() == 0


@every_query
def test_order_of_the_rows_does_not_depend_on_that_of_the_tables(query: Query) -> None:
    given = simulated_school()
    upside_down = {name: rows[::-1] for name, rows in given.items()}
    asked = all_days(given)
    assert_same_answer(answer(query, upside_down, asked), answer(query, given, asked))


@every_query
def test_days_outside_of_the_range_change_nothing(query: Query) -> None:
    given = simulated_school()
    asked = two_weeks(given)
    # What came before is part of a streak, and of who was active in a month.
    since = all_days(given).start_date if query.name in ("streaks", "active_students") else None
    kept = within(given, asked._replace(start_date=since or asked.start_date))
    assert_same_answer(answer(query, kept, asked), answer(query, given, asked))


@every_query
def test_question_says_what_a_row_is_and_how_many_stand_behind_it(query: Query) -> None:
    assert query.question.endswith("?")
    assert query.row.startswith("One row ")
    assert ("n", "integer") in [(c.name, c.kind) for c in query.columns]
    assert set(query.parameters) <= PARAMETERS.keys()
    assert query.inputs


def test_questions_are_numbered_without_a_gap() -> None:
    assert [query.number for query in QUERIES.values()] == list(range(1, len(QUERIES) + 1))
    assert QUERIES.keys() == ANSWERS.keys()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- Why?\nSELECT 1",
        "-- Why.\n-- One row.\n--   n (integer): visits\nSELECT 1",
        "-- Why?\n-- One row.\n--   n (number): visits\nSELECT 1",
    ],
)
def test_query_without_a_whole_comment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse("01_why", text)
