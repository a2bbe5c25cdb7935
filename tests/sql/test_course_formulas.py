"""Do the figures of students and courses mean what they are said to mean? Small cases by hand."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.compare_rows import student_hash
from tests.sql.course_records import MINUTE, NO_CATALOGUES, answer, chapters_of_k1, day, event, stay
from tests.sql.course_school import asked, by_chapter, only


def _stopped(*records: bytes, on_day: int, **options: Any) -> dict[str, Any]:
    return by_chapter(asked("course_dropoff", records, on_day, **options), "students_stopped")


def test_a_student_stops_at_the_chapter_of_the_last_visit_after_seven_days_away() -> None:
    visits = stay("s", 0.5, 9, chapter_id="h2"), stay("s", 0.1, 9), stay("t", 0.1, 9)
    assert _stopped(*visits, on_day=6) == {"h1": 0, "h2": 0}
    assert _stopped(*visits, on_day=7) == {"h1": 1, "h2": 1}
    assert _stopped(*visits, on_day=3, away_days=3) == {"h1": 1, "h2": 1}
    rows = asked("course_dropoff", visits, 7)
    assert by_chapter(rows, "students_reached") == {"h1": 2, "h2": 1}
    assert by_chapter(rows, "drop_off_index") == {"h1": 0.5, "h2": 1}


def test_an_event_of_the_course_is_being_there_and_one_of_another_course_is_not() -> None:
    visit = stay("s", 0, 9)
    here = event("s", 3, "click", course_id="k1")
    there = stay("s", 3, 9, course_id="k2", chapter_id="h7")
    assert _stopped(visit, here, on_day=8) == {"h1": 0}
    assert _stopped(visit, there, on_day=8) == {"h1": 1, "h7": 0}


def test_who_completed_the_course_did_not_stop() -> None:
    done = event("s", 0.1, "course_complete", course_id="k1")
    assert _stopped(stay("s", 0, 9), done, on_day=8) == {"h1": 0}
    read = [stay("s", n / 9, 9, chapter_id=f"h{n}", scroll_depth=95) for n in (1, 2)]
    both, three = chapters_of_k1(None, None), chapters_of_k1(None, None, None)
    assert _stopped(*read, on_day=8, catalogues=both) == {"h1": 0, "h2": 0}
    assert _stopped(*read, on_day=8, catalogues=three) == {"h1": 0, "h2": 1}
    assert _stopped(*read, on_day=8) == {"h1": 0, "h2": 1}


def test_time_of_a_course_is_of_the_first_of_video_quiz_and_reading_that_a_visit_holds() -> None:
    place = {"course_id": "k1", "chapter_id": "h1"}
    records = [
        event("s", 0, "page_view", **place),
        event("s", MINUTE, "quiz_start"),
        event("s", 2 * MINUTE, "video_play", video_id="v"),
        event("s", 3 * MINUTE, "page_view", course_id="k1", chapter_id="h2"),
        event("s", 4 * MINUTE, "quiz_start", quiz_id="q"),
        event("s", 8 * MINUTE, "page_view", course_id="k1", chapter_id="h3"),
        event("s", 13 * MINUTE, "page_view", course_id="k1", chapter_id="h3"),
    ]
    rows = asked("student_course_metrics", records)
    (row,) = (row for row in rows if row["course_id"] == "k1")
    assert row["time_spent_video_seconds"] == 180
    assert row["time_spent_quiz_seconds"] == 300
    assert row["time_spent_reading_seconds"] == 300
    assert row["time_spent_total_seconds"] == 780


def test_completion_is_of_the_catalogue_and_without_one_of_what_was_seen() -> None:
    read = [stay("s", n / 10, 9, chapter_id=f"h{n}", scroll_depth=90 + n) for n in (1, 9)]
    records = [*read, stay("s", 0.5, 9, chapter_id="h2", scroll_depth=10)]
    four, none = chapters_of_k1(1, 1, 1, 1), NO_CATALOGUES
    ratios = [
        only("student_course_metrics", *records, catalogues=c)["completion_ratio"]
        for c in (four, none)
    ]
    assert ratios == [0.25, pytest.approx(2 / 3)]
    enrolled = event("s", 0, "course_enroll", course_id="k1")
    assert only("student_course_metrics", enrolled)["completion_ratio"] is None
    assert only("student_course_metrics", enrolled, catalogues=four)["completion_ratio"] == 0


def _passed(*records: bytes, marks: Sequence[float | None] = (), **options: Any) -> int:
    questions = [
        {"quiz_id": "q1", "question_id": str(n), "pass_mark": mark} for n, mark in enumerate(marks)
    ]
    row = only("student_course_metrics", *records, on_day=1, catalogues=([], questions), **options)
    return int(row["quizzes_passed"])


def test_a_quiz_is_passed_on_its_best_day_by_its_highest_pass_mark() -> None:
    first = [answer("s", n * MINUTE, n < 2) for n in range(4)]
    second = [answer("s", 1 + n * MINUTE, n < 3) for n in range(5)]
    assert _passed(*first) == 0
    assert _passed(*first, pass_mark=0.5) == 1
    assert _passed(*first, *second) == 1
    assert _passed(*first, *second, marks=(0.1, 0.7, None)) == 0
    assert _passed(*first, *second, marks=(0.1, 0.6, None)) == 1
    assert _passed(*first, *second, marks=(None,), pass_mark=0.61) == 0


def test_answers_of_unknown_result_neither_pass_nor_count() -> None:
    row = only("student_course_metrics", *[answer("s", n * MINUTE, None) for n in range(3)])
    assert (row["quizzes_attempted"], row["quizzes_passed"]) == (1, 0)
    assert row["quiz_average_score"] is None


def test_lessons_count_once_however_many_chapters_name_them() -> None:
    catalogue = [
        {"course_id": "k1", "chapter_id": "h1", "lesson_ids": "l1;l2"},
        {"course_id": "k1", "chapter_id": "h2", "lesson_ids": "l2;l3"},
    ]
    of_lessons = [
        event("s", n * MINUTE, kind, course_id="k1", lesson_id=lesson)
        for n, (kind, lesson) in enumerate(
            [("lesson_start", "l1"), ("lesson_complete", "l1"), ("lesson_start", "l9")]
        )
    ]
    row = only("student_course_metrics", *of_lessons, catalogues=(catalogue, []))
    assert (row["lessons_started"], row["lessons_completed"], row["total_lessons"]) == (2, 1, 3)
    none = only("student_course_metrics", *of_lessons, catalogues=chapters_of_k1(1))
    assert none["total_lessons"] is None


def test_a_streak_ends_with_the_date_of_reckoning_and_counts_sessions_of_any_course() -> None:
    days = [stay("s", n, 5) for n in (0, 1, 3)]
    records = [*days, event("s", 4, "login"), event("s", 4.5, "login")]
    streaks = [only("student_course_metrics", *records, on_day=n)["streak_days"] for n in range(6)]
    assert streaks == [1, 2, 0, 1, 2, 0]


def test_events_about_no_course_are_no_activity_in_the_unknown_one() -> None:
    visit = stay("s", 0, 9, course_id=None)
    row = only("student_course_metrics", visit, event("s", 3, "login"), on_day=5)
    assert row["course_id"] is None
    assert row["last_activity_date"] == day(0)


def test_courses_are_compared_over_students_with_a_visit() -> None:
    records = [
        event("idle", 0, "course_enroll", course_id="k1"),
        event("a", 0, "course_enroll", course_id="k1"),
        stay("a", 0, 10), stay("a", 0.5, 20), stay("b", 0, 15),
        event("c", 0, "course_enroll", course_id="k2"),
    ]  # fmt: skip
    rows = {row["course_id"]: row for row in asked("course_comparison", records)}
    assert (rows["k1"]["enrolled_students"], rows["k1"]["students"]) == (2, 2)
    assert rows["k1"]["time_per_student_seconds"] == 1350
    assert rows["k1"]["sessions_per_student"] == 1.5
    assert (rows["k2"]["enrolled_students"], rows["k2"]["students"]) == (1, 0)
    assert rows["k2"]["time_per_student_seconds"] is rows["k2"]["sessions_per_student"] is None


def test_the_last_event_of_a_student_in_a_course_may_have_no_chapter() -> None:
    records = [stay("s", 0, 9), event("s", 2, "click", course_id="k1"), event("s", 3, "login")]
    row = only("student_course_metrics", *records, on_day=5)
    assert row["student_hash"] == student_hash("s")
    assert row["last_activity_date"] == day(2)
