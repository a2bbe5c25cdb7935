"""Do the models about students and cohorts agree: DuckDB, GoogleSQL and the slow reference?"""

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference.history import DATES, until
from benchmarks.simulate import simulate
from pipelines.models.sql_models import load_models
from schemas import tables
from tests.compare_rows import compare_rows
from tests.googlesql.engine import Engine
from tests.sql.student_school import (
    AS_OF_DAY,
    REFERENCES,
    Tables,
    ask,
    day,
    lively,
    record,
    score,
    sessions,
    tables_of,
)

MODELS = sorted(REFERENCES)
STAMPS = 2
SHARES = {
    "student_features": ("quiz_accuracy_30d", "video_watch_ratio_30d", "regularity"),
    "student_profiles": ("learning_consistency_score", "quiz_accuracy", "at_risk_score"),
    "cohort_retention": ("retention_rate",),
    "skill_mastery": ("accuracy", "mastery"),
}
SCORES = [score("s0", AS_OF_DAY - 1, 0.25), score("s0", AS_OF_DAY + 1, 0.75)]
seeds = st.integers(0, 2**32)


@cache
def _school(seed: int, zone: str = "UTC") -> Tables:
    """A simulated school, of whose students some leave a course and some are scored."""
    school = simulate(seed=seed, students=4, days=AS_OF_DAY + 5)
    left = [
        record(str(s.student_id), 20.5 + n, "course_unenroll", course_id=s.courses[0].course_id)
        for n, s in enumerate(school.students[:3])
    ]
    return tables_of([*school.records, *left], school.questions, zone)


def _disagreements(name: str, given: Tables, on_day: int, engine: Engine) -> list[str]:
    expected = REFERENCES[name](given, day(on_day))
    return compare_rows(expected, ask(name, given, on_day, engine))


@pytest.mark.parametrize("on_day", [0, 27, AS_OF_DAY, AS_OF_DAY + 40])
@pytest.mark.parametrize("name", MODELS)
def test_engines_and_reference_agree_on_a_school(name: str, on_day: int, googlesql: Engine) -> None:
    assert _disagreements(name, _school(1), on_day, googlesql) == []


@pytest.mark.parametrize("name", MODELS)
def test_engines_and_reference_agree_in_another_time_zone(name: str, googlesql: Engine) -> None:
    assert _disagreements(name, _school(2, "Asia/Kolkata"), AS_OF_DAY, googlesql) == []


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
@pytest.mark.parametrize("name", MODELS)
def test_engines_and_reference_agree_on_any_history(
    name: str, seed: int, googlesql: Engine
) -> None:
    given = tables_of(list(lively(Random(seed))))
    assert _disagreements(name, given, AS_OF_DAY, googlesql) == []


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_the_columns_of_its_table_and_unique_keys(name: str) -> None:
    rows = ask(name, _school(1))
    described = tables.get(name)
    keys = [tuple(row[column] for column in described.key) for row in rows]
    assert list(rows[0]) == [column.name for column in described.columns][:-STAMPS]
    assert len(keys) == len(set(keys))


@settings(max_examples=12, deadline=None)
@given(seed=seeds)
@pytest.mark.parametrize("name", MODELS)
def test_no_later_event_leaks_into_a_model(name: str, seed: int) -> None:
    """Later records and scores change nothing, whether of new students or of known ones."""
    records = list(lively(Random(seed)))
    later = tables_of(records) | {"at_risk_scores": SCORES}
    known = _cut(tables_of(_until(records, AS_OF_DAY)) | {"at_risk_scores": SCORES[:1]})
    assert compare_rows(ask(name, known), ask(name, later)) == []


def _cut(tables_: Tables) -> Tables:
    """Without the silver rows of later dates."""
    return tables_ | {name: until(tables_, name, day(AS_OF_DAY)) for name in DATES}


def _until(records: list[bytes], on_day: int) -> list[bytes]:
    """Records of dates up to a day, and of the two days after: until then its sessions may last."""
    return [r for r in records if r.split(b'"timestamp": "')[1][:10] <= _text(on_day + 2)]


def _text(on_day: int) -> bytes:
    return day(on_day).isoformat().encode()


@settings(max_examples=12, deadline=None)
@given(seed=seeds)
@pytest.mark.parametrize("name", sorted(SHARES))
def test_shares_and_scores_stay_between_0_and_1(name: str, seed: int) -> None:
    rows = ask(name, tables_of(list(lively(Random(seed)))))
    values = [row[column] for row in rows for column in SHARES[name]]
    assert all(0 <= value <= 1 for value in values if value is not None)


@settings(max_examples=12, deadline=None)
@given(seed=seeds)
def test_counts_and_times_of_7_dates_lie_within_those_of_30(seed: int) -> None:
    for row in ask("student_features", tables_of(list(lively(Random(seed))))):
        assert 0 <= row["time_spent_7d_seconds"] <= row["time_spent_30d_seconds"]
        assert 0 <= row["active_days_7d"] <= row["sessions_7d"] <= row["sessions_30d"]
        assert row["active_days_7d"] <= row["active_days_30d"] <= 30
        assert row["engagement_trend"] is None or -1 <= row["engagement_trend"] <= 23 / 7
        assert (row["streak_days"] > 0) == (row["last_login_days_ago"] == 0)


@settings(max_examples=12, deadline=None)
@given(seed=seeds)
def test_every_student_of_a_cohort_is_there_in_its_first_week(seed: int) -> None:
    given = tables_of(list(lively(Random(seed))))
    rows = ask("cohort_retention", given)
    begun = [row for row in rows if row["week_number"] == 0]
    students = {row["student_hash"] for row in ask("student_features", given)}
    assert sum(row["cohort_students"] for row in begun) == len(students)
    assert all(row["retained_students"] == row["cohort_students"] for row in begun)


@pytest.mark.parametrize("name", MODELS)
def test_an_empty_warehouse_gives_no_rows(name: str, googlesql: Engine) -> None:
    assert ask(name, {}, engine=googlesql) == []


@pytest.mark.parametrize("name", MODELS)
def test_before_the_first_day_there_are_no_rows(name: str, googlesql: Engine) -> None:
    assert ask(name, _school(1), -1, googlesql) == []


@pytest.mark.parametrize("name", MODELS)
def test_engines_and_reference_agree_on_one_day_of_students_without_course(
    name: str, googlesql: Engine
) -> None:
    enrolled = [record("s3", 0.6, kind) for kind in ("course_enroll", "course_complete")]
    handed_in = record("s3", 0.6, "assignment_submit", assignment_id="a1")
    answer = record("s2", 0.5, "quiz_answer", question_id="1", correct=True)
    records = [*sessions("s1", [0.5], minutes=0), answer, *enrolled, handed_in]
    given = tables_of(records)
    assert all(event["course_id"] is None for event in given["events"])
    assert _disagreements(name, given, 0, googlesql) == []
    assert ask(name, given, 0)


def test_the_models_read_only_silver_and_gold_that_the_tests_fill() -> None:
    read = {table for name in MODELS for table in load_models()[name].inputs}
    assert read == {
        "silver.events", "silver.sessions", "silver.question_attempts", "silver.video_views",
        "gold.at_risk_scores", "gold.dim_questions", "gold.student_features",
    }  # fmt: skip
