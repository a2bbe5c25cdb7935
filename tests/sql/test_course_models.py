"""Do the models about courses and chapters agree: DuckDB, GoogleSQL and the slow reference?"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import tables
from tests.compare_rows import compare_rows
from tests.googlesql.engine import Engine
from tests.sql.course_records import CATALOGUES, NO_CATALOGUES, Catalogues, day, event, lively, stay
from tests.sql.course_school import (
    DATES,
    REFERENCES,
    Tables,
    ask,
    expect,
    frame_of,
    school,
    tables_of,
    until,
)

STAMPS = 2
seeds = st.integers(0, 2**32)


def _disagreements(given: Tables, on_day: int, engine: Engine | None = None) -> list[str]:
    answers, expected = ask(given, day(on_day), engine), expect(given, day(on_day))
    return [
        f"{name}: {text}"
        for name in REFERENCES
        for text in compare_rows(expected[name], answers[name])
    ]


@pytest.mark.parametrize("on_day", [0, 6, 15, 30])
def test_engines_and_reference_agree_on_a_school(on_day: int, googlesql: Engine) -> None:
    assert _disagreements(school(1, students=6, days=16), on_day, googlesql) == []


@pytest.mark.parametrize("seed", range(2, 6))
def test_duckdb_and_reference_agree_on_larger_schools(seed: int) -> None:
    assert _disagreements(school(seed, students=16, days=30), 25) == []


def test_engines_and_reference_agree_in_another_time_zone(googlesql: Engine) -> None:
    given = school(7, students=4, days=9, zone="Asia/Kolkata")
    assert _disagreements(given, 6, googlesql) == []


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_engines_and_reference_agree_on_any_visits(seed: int, googlesql: Engine) -> None:
    assert _disagreements(tables_of(list(lively(Random(seed)))), 14, googlesql) == []


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(seed=seeds, catalogues=st.sampled_from((CATALOGUES, NO_CATALOGUES)))
def test_duckdb_and_reference_agree_on_any_visits(seed: int, catalogues: Catalogues) -> None:
    assert _disagreements(tables_of(list(lively(Random(seed))), catalogues), 14) == []


@pytest.mark.parametrize("name", REFERENCES)
def test_a_model_gives_the_columns_of_its_table_and_unique_keys(name: str) -> None:
    rows = ask(school(1), day(20))[name]
    described = tables.get(name)
    keys = [tuple(row[column] for column in described.key) for row in rows]
    assert list(rows[0]) == [column.name for column in described.columns][:-STAMPS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", REFERENCES)
def test_rows_can_be_stored(name: str) -> None:
    """No null where the table has none, and every value of the column's type."""
    rows = ask(school(1), day(20))[name]
    described = [c for c in tables.get(name).columns[:-STAMPS] if c.type in (str, int, float, bool)]
    wrong = {c.name for c in described for row in rows if type(row[c.name]) is not c.type}
    assert wrong == set()
    assert frame_of(name, rows).height == len(rows)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=seeds, on_day=st.integers(0, 19))
def test_no_row_of_a_later_date_leaks_into_any_model(seed: int, on_day: int) -> None:
    given = tables_of(list(lively(Random(seed))))
    _assert_same(ask(until(given, day(on_day)), day(on_day)), ask(given, day(on_day)))


def test_later_records_change_nothing_as_of_the_date_before() -> None:
    records = list(lively(Random(5), days=9))
    later = [
        event("s0", 10.5, "course_complete", course_id="k1"),
        event(
            "s0", 10.5, "quiz_answer", course_id="k1", chapter_id="h1", quiz_id="q1", correct=True
        ),
        event("new", 11, "course_enroll", course_id="k1"),
        stay("new", 11, 90),
        stay("s0", 11, 90, chapter_id="h2", scroll_depth=100),
    ]
    before, after = tables_of(records), tables_of([*records, *later])
    _assert_same(ask(before, day(9)), ask(after, day(9)))
    assert compare_rows(*(ask(t, day(11))["course_comparison"] for t in (before, after))) != []


def _assert_same(some: Tables, others: Tables) -> None:
    for name in REFERENCES:
        assert compare_rows(some[name], others[name]) == [], name


def test_an_empty_warehouse_gives_no_rows(googlesql: Engine) -> None:
    assert ask({}, day(0), googlesql) == {name: [] for name in REFERENCES}


def test_a_catalogue_alone_gives_no_rows(googlesql: Engine) -> None:
    given = {name: rows for name, rows in tables_of([event("s", 0, "login")]).items()
             if name not in DATES}  # fmt: skip
    assert given["dim_chapters"] != []
    assert ask(given, day(0), googlesql) == {name: [] for name in REFERENCES}


def test_students_without_a_course_give_no_rows(googlesql: Engine) -> None:
    given = tables_of([event("s", 0, "login"), event("s", 0.01, "page_view")])
    assert ask(given, day(0), googlesql) == {name: [] for name in REFERENCES}


def test_a_school_without_catalogues_has_the_same_visits(googlesql: Engine) -> None:
    records = list(lively(Random(8)))
    given = tables_of(records, NO_CATALOGUES)
    assert _disagreements(given, 19, googlesql) == []
    assert {r["total_chapters"] for r in ask(given, day(19))["student_course_metrics"]} == {None}
    assert {r["chapter_order"] for r in ask(given, day(19))["course_dropoff"]} == {None}
