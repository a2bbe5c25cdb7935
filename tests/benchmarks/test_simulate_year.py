"""Is the simulated year one that the models can be measured on?"""

from functools import cache

import polars as pl

from benchmarks.simulate_year import Year, simulate_weeks
from schemas.canonical import COLUMNS
from transforms.derive import Derived, DeriveOptions, derive_students

YEAR = Year(students=40, days=28)


@cache
def _weeks() -> list[pl.DataFrame]:
    return list(simulate_weeks(YEAR))


@cache
def _derived() -> list[Derived]:
    return [derive_students(week, DeriveOptions()) for week in _weeks()]


def test_the_same_options_give_the_same_events_and_another_seed_others() -> None:
    again = list(simulate_weeks(YEAR))
    other = list(simulate_weeks(Year(students=40, days=28, seed=8)))
    assert all(one.equals(two) for one, two in zip(_weeks(), again, strict=True))
    assert not _weeks()[0].equals(other[0])


def test_events_are_canonical_and_each_has_an_id_of_its_own() -> None:
    events = pl.concat(_weeks())
    assert dict(events.schema) == COLUMNS
    assert events["event_id"].is_unique().all()


def test_no_session_goes_over_midnight_so_weeks_can_be_derived_alone() -> None:
    sessions = pl.concat(week.rows["sessions"] for week in _derived())
    start, end = (pl.from_epoch(f"session_{at}_ms", "ms").dt.date() for at in ("start", "end"))
    assert sessions.select((start == end).all()).item()
    dates = [set(week.rows["sessions"]["session_date"]) for week in _derived()]
    assert sum(map(len, dates)) == len(set().union(*dates)) == YEAR.days


def test_the_year_holds_what_the_models_read() -> None:
    rows = {
        name: pl.concat(week.rows[name] for week in _derived())
        for name in ("events", "chapter_visits", "video_views", "question_attempts")
    }
    assert {
        "course_enroll", "course_unenroll", "course_complete", "assignment_submit", "quiz_answer",
    } <= set(rows["events"]["event_type"])  # fmt: skip
    assert set(rows["chapter_visits"]["is_completed"]) == {True, False, None}
    assert 0.4 < rows["question_attempts"]["is_correct"].mean() < 0.9
    assert 0.2 < rows["video_views"]["watch_ratio"].mean() < 0.9
