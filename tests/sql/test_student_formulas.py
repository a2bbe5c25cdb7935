"""Do the models about students give what one works out by hand?"""

import pytest

from tests.compare_rows import is_same
from tests.sql.student_school import (
    AS_OF_DAY,
    answers,
    ask,
    day,
    of,
    record,
    score,
    sessions,
    tables_of,
)

TODAY = AS_OF_DAY + 0.5


def _features(*records: bytes) -> dict:
    return of("s1", ask("student_features", tables_of(records)))


def _profile(*records: bytes, zone: str = "UTC", on_day: int = AS_OF_DAY) -> dict:
    return of("s1", ask("student_profiles", tables_of(records, zone=zone), on_day))


@pytest.mark.parametrize(
    ("days_ago", "streak"),
    [((0, 1, 2, 4, 5), 3), ((1, 2, 3), 0), ((0,), 1), ((0, 2), 1), (range(40), 40)],
)
def test_a_streak_counts_dates_without_a_gap_up_to_today(days_ago, streak) -> None:
    assert _features(*sessions("s1", [TODAY - n for n in days_ago]))["streak_days"] == streak


def test_windows_of_7_and_30_dates_end_today_and_hold_their_first_date() -> None:
    row = _features(*sessions("s1", [TODAY - n for n in (0, 6, 7, 29, 30)], minutes=10))
    assert (row["sessions_7d"], row["sessions_30d"]) == (2, 4)
    assert (row["active_days_7d"], row["active_days_30d"]) == (2, 4)
    assert (row["time_spent_7d_seconds"], row["time_spent_30d_seconds"]) == (1200, 2400)
    assert row["last_login_days_ago"] == 0


def test_the_trend_of_steady_work_is_exactly_zero() -> None:
    row = _features(*sessions("s1", [TODAY - n for n in range(35)], minutes=0.1))
    assert row["time_spent_7d_seconds"] > 0
    assert row["engagement_trend"] == 0


@pytest.mark.parametrize(
    ("days_ago", "minutes", "trend"),
    [((0,), 10, 23 / 7), ((20,), 10, -1), ((0, 20), 0, None), ((31,), 10, None)],
)
def test_the_trend_is_bounded_and_null_without_time(days_ago, minutes, trend) -> None:
    row = _features(*sessions("s1", [TODAY - n for n in days_ago], minutes))
    assert is_same(trend, row["engagement_trend"])


@pytest.mark.parametrize(
    ("days_ago", "regularity"),
    [
        ((0, 7, 14, 21), 1),
        ((0, 2, 7, 9, 14, 16, 21, 23), 1),
        ((0, 7, 14, 21, 22), 3 / 4),
        ((0, 8, 16, 24), 0),
        ((0, 14), 0),
        ((6, 20, 21, 27, 28), 1 / 4),
        ((28, 35), None),
    ],
)
def test_regularity_is_the_share_of_weekdays_that_come_again(days_ago, regularity) -> None:
    row = _features(*sessions("s1", [TODAY - n for n in days_ago]))
    assert is_same(regularity, row["regularity"])


def test_accuracy_counts_known_results_and_attempts_count_all_of_30_dates() -> None:
    old = answers(False, False, on_day=TODAY - 30)
    row = _features(*answers(True, None, False, True), *old)
    assert (row["quiz_attempts_30d"], row["quiz_accuracy_30d"]) == (4, 2 / 3)


def test_the_watch_ratio_is_the_mean_over_views_of_known_length_of_the_last_30_dates() -> None:
    played = ((TODAY - 30, 100, 50), (TODAY - 29, 100, 25), (TODAY, 100, 50), (TODAY, None, 10))
    records = [
        record(
            "s1", at + end / 86400, kind, video_id=f"v{length}", current_time=end, **_long(length)
        )
        for at, length, seconds in played
        for kind, end in (("video_play", 0), ("video_pause", seconds))
    ]
    assert is_same((0.25 + 0.5) / 2, _features(*records)["video_watch_ratio_30d"])


def _long(seconds: int | None) -> dict:
    return {} if seconds is None else {"video_duration": seconds}


def test_without_answers_and_videos_rates_are_null_and_counts_zero() -> None:
    row = _features(*sessions("s1", [TODAY]))
    assert (row["quiz_attempts_30d"], row["quiz_accuracy_30d"]) == (0, None)
    assert row["video_watch_ratio_30d"] is None


def test_of_several_hours_and_weekdays_with_most_sessions_the_earliest_is_preferred() -> None:
    tuesday_noon, monday_evening, sunday = 1.5, 7.75, 6.1
    row = _profile(*sessions("s1", [tuesday_noon, monday_evening, tuesday_noon + 7, sunday, 14.75]))
    assert (row["preferred_hour"], row["preferred_weekday"]) == (12, 1)


def test_hours_and_weekdays_are_those_of_the_reporting_time_zone() -> None:
    row = _profile(*sessions("s1", [6 + 20 / 24]), zone="Asia/Kolkata")
    assert (row["preferred_hour"], row["preferred_weekday"]) == (1, 1)


def test_enrolments_are_completed_or_dropped_or_active() -> None:
    row = _profile(
        record("s1", 1, "course_enroll", course_id="done"),
        record("s1", 2, "course_unenroll", course_id="done"),
        record("s1", 3, "course_complete", course_id="done"),
        record("s1", 2, "course_enroll", course_id="left"),
        record("s1", 4, "course_unenroll", course_id="left"),
        record("s1", 2, "course_enroll", course_id="back"),
        record("s1", 3, "course_unenroll", course_id="back"),
        record("s1", 5, "course_enroll", course_id="back"),
        record("s1", 4, "course_enroll", course_id="stayed"),
        record("s1", 4, "course_unenroll", course_id="stayed"),
        record("s1", 9, "course_enroll"),
        record("s1", 9, "course_complete", course_id="never enrolled"),
    )
    kinds = ("total", "completed", "dropped", "active")
    assert [row[f"{kind}_enrolments"] for kind in kinds] == [5, 1, 1, 3]
    assert row["first_enrollment_at"].date() == day(1)
    assert row["average_completion_days"] == 2


def test_completion_takes_the_time_from_the_first_enrolment_to_the_first_completion_since() -> None:
    row = _profile(
        record("s1", 1, "course_complete", course_id="k1"),
        record("s1", 2, "course_enroll", course_id="k1"),
        record("s1", 3.5, "course_complete", course_id="k1"),
        record("s1", 9, "course_complete", course_id="k1"),
        record("s1", 5, "course_complete", course_id="k2"),
        record("s1", 6, "course_enroll", course_id="k2"),
    )
    assert (row["completed_enrolments"], row["average_completion_days"]) == (2, 1.5)


def test_consistency_is_the_share_of_weeks_from_the_first_to_that_of_today() -> None:
    sundays_and_mondays = sessions("s1", [13.5, 14.5, 20.5, 28.5])
    assert _profile(*sundays_and_mondays, on_day=34)["learning_consistency_score"] == 3 / 4
    assert _profile(*sundays_and_mondays, on_day=35)["learning_consistency_score"] == 3 / 5


def test_daily_minutes_are_over_dates_with_a_session() -> None:
    row = _profile(*sessions("s1", [1.2, 1.6, 5.5], minutes=20))
    assert (row["average_daily_minutes"], row["total_hours"]) == (30, 1)


def test_before_any_score_the_risk_of_who_went_away_grows_with_the_days() -> None:
    days_away = [_profile(*sessions("s1", [1.5]), on_day=1 + n) for n in (0, 40, 47)]
    risks = [row["at_risk_score"] for row in days_away]
    assert [row["days_since_active"] for row in days_away] == [0, 40, 47]
    assert risks[0] == 0
    assert is_same(risks[2], 1 - (1 - risks[1]) / 2)


def test_the_risk_before_any_score_is_the_weighted_mean_of_its_known_parts() -> None:
    """Away for 7 days: 1/2; nothing in the last 7 dates: 1; one of four answers wrong: 1/4."""
    row = _profile(*answers(True, True, False, True, on_day=TODAY - 7))
    assert is_same(0.5 * 0.5 + 0.3 * 1 + 0.2 * 0.25, row["at_risk_score"])


def test_the_newest_scores_replace_the_formula_for_every_student() -> None:
    given = tables_of([*sessions("s1", [TODAY]), *sessions("s2", [TODAY])])
    old = [score("s2", AS_OF_DAY - 2, 0.9)]
    new = [
        score("s1", AS_OF_DAY - 1, value, course) for value, course in ((0.3, "k1"), (0.4, "k2"))
    ]
    given["at_risk_scores"] = [*old, *new, score("s1", AS_OF_DAY + 1, 0.8)]
    rows = ask("student_profiles", given)
    assert [of(student, rows)["at_risk_score"] for student in ("s1", "s2")] == [0.4, None]
