"""Do times, rates and students of the models about courses add up, over any range of days?"""

import math
from collections import Counter
from random import Random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference.chapters import quantile
from benchmarks.reference.derived import group
from benchmarks.reference.range_courses import chapter_analytics, history_until, whole_ms
from tests.compare_rows import compare_rows
from tests.in_memory import Rows
from tests.sql.course_records import day, lively
from tests.sql.course_school import Tables, ask, frame_of, school, tables_of

RATES = {
    "chapter_engagement_summary": ("completion_rate",),
    "chapter_difficulty": ("time_rank", "drop_off_rate", "quiz_accuracy", "difficulty_score"),
    "chapter_analytics": ("drop_off_rate", "completion_rate", "difficulty_score"),
    "student_course_metrics": (
        "completion_ratio", "video_watch_ratio_average", "quiz_average_score",
    ),
    "course_comparison": (
        "completion_rate", "drop_off_rate", "quiz_accuracy", "video_watch_ratio_average",
    ),
    "course_dropoff": ("drop_off_index",),
}  # fmt: skip
DAILY_QUANTILES = """
WITH times AS (
  SELECT course_id, chapter_id, UNNEST(time_distribution, recursive := true)
  FROM gold.chapter_engagement
  WHERE date BETWEEN $first AND $last
)
SELECT
  course_id,
  chapter_id,
  QUANTILE_CONT(time_ms, [0.05, 0.25, 0.5, 0.75, 0.95]) AS quantiles_ms,
  COUNT(*) AS visits_count,
FROM times, RANGE(times.visits_count)
GROUP BY ALL
"""
seeds = st.integers(0, 2**32)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_rates_stay_between_0_and_1_and_quantiles_in_order(seed: int) -> None:
    answers = ask(tables_of(list(lively(Random(seed)))), day(19))
    values = [row[c] for name in RATES for row in answers[name] for c in RATES[name]]
    assert all(0 <= value <= 1 for value in values if value is not None)
    for row in answers["chapter_analytics"]:
        names = ("p5", "p25", "median", "p75", "p95")
        times = [row[f"{name}_time_spent_seconds"] for name in names]
        assert times == sorted(times)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_times_and_students_of_the_models_add_up(seed: int) -> None:
    answers = ask(tables_of(list(lively(Random(seed)))), day(19))
    of_students = answers["student_course_metrics"]
    chapters = sum(
        r["average_time_spent_seconds"] * r["total_visits"] for r in answers["chapter_analytics"]
    )
    courses = sum(
        (r["time_per_student_seconds"] or 0) * r["students"] for r in answers["course_comparison"]
    )
    kinds = (f"time_spent_{kind}_seconds" for kind in ("video", "reading", "quiz"))
    total = _sum(answers["chapter_engagement_summary"], "total_time_spent_seconds")
    assert math.isclose(total, chapters, rel_tol=1e-9)
    assert math.isclose(total, courses, rel_tol=1e-9)
    assert math.isclose(total, _sum(of_students, "time_spent_total_seconds"), rel_tol=1e-9)
    assert math.isclose(total, sum(_sum(of_students, kind) for kind in kinds), rel_tol=1e-9)
    reached = _sum(answers["course_dropoff"], "students_reached")
    assert reached == len(answers["chapter_engagement_summary"])
    assert _stopped_by_course(answers) <= _visitors_by_course(answers)


def _sum(rows: Rows, column: str) -> float:
    return math.fsum(row[column] for row in rows)


def _stopped_by_course(answers: Tables) -> Counter:
    stopped: Counter = Counter()
    for row in answers["course_dropoff"]:
        stopped[row["course_id"]] += row["students_stopped"]
    return stopped


def _visitors_by_course(answers: Tables) -> Counter:
    return Counter({row["course_id"]: row["students"] for row in answers["course_comparison"]})


def test_a_range_of_14_days_of_daily_distributions_has_the_quantiles_of_its_visits() -> None:
    given, first, last = school(3, students=16, days=30), day(8), day(21)
    daily = frame_of("chapter_engagement", given["chapter_engagement"])
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA gold")
        connection.register("frame", daily.to_arrow())
        connection.execute("CREATE TABLE gold.chapter_engagement AS FROM frame")
        found = connection.execute(DAILY_QUANTILES, {"first": first, "last": last}).fetchall()
    in_range = [v for v in given["chapter_visits"] if first <= v["visit_date"] <= last]
    groups = group(in_range, "course_id", "chapter_id")
    assert {row[:2] for row in found} == set(groups)
    for course, chapter, quantiles_ms, visits_count in found:
        times = whole_ms(groups[course, chapter])
        direct = [quantile(times, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
        assert visits_count == len(times)
        assert quantiles_ms == pytest.approx(direct, rel=1e-9)


def test_all_days_of_daily_gold_have_the_figures_of_chapter_analytics() -> None:
    """Counts, rates and times of any range are sums over its days; students are not."""
    given, last = school(3, students=16, days=30), day(29)
    days = group(given["chapter_engagement"], "course_id", "chapter_id")
    analytics = ask(given, last)["chapter_analytics"]
    assert compare_rows(chapter_analytics(history_until(last, given)), analytics) == []
    assert len(analytics) == len(days)
    for row in analytics:
        of_chapter = days[row["course_id"], row["chapter_id"]]
        visits = sum(r["visits_count"] for r in of_chapter)
        total = _sum(of_chapter, "total_time_spent_seconds")
        assert row["total_visits"] == visits
        assert row["average_time_spent_seconds"] == pytest.approx(total / visits, rel=1e-9)
        assert row["drop_off_rate"] == _rate(of_chapter, "drop_off_count", "drop_off_known_count")
        assert row["completion_rate"] == _rate(
            of_chapter, "completed_count", "completion_known_count"
        )


def _rate(rows: Rows, part: str, whole: str) -> float | None:
    known = sum(row[whole] for row in rows)
    return sum(row[part] for row in rows) / known if known else None
