"""Do the figures of chapters mean what they are said to mean? Small cases by hand."""

from typing import Any

import pytest

from tests.sql.course_records import MINUTE, answer, chapters_of_k1, event, stay
from tests.sql.course_school import asked, by_chapter, only


def _is_drop_off(*records: bytes) -> bool | None:
    return only("chapter_engagement_summary", *records)["is_drop_off"]


def test_a_student_drops_off_when_no_visit_came_half_way_down_and_none_was_completed() -> None:
    shallow = [stay("s", 0, 1, scroll_depth=20), stay("s", 0.5, 1, scroll_depth=49)]
    half, unknown = stay("s", 0.7, 1, scroll_depth=50), stay("s", 0.8, 1)
    done = event("s", 0.9, "lesson_complete", course_id="k1", chapter_id="h1")
    assert _is_drop_off(*shallow, unknown) is True
    assert _is_drop_off(*shallow, half) is False
    assert _is_drop_off(*shallow, done) is False
    assert _is_drop_off(unknown) is _is_drop_off(unknown, done) is None


def test_progress_of_a_chapter_is_that_of_the_best_visit_and_its_time_the_sum() -> None:
    visits = [stay("s", 0.2, 3, scroll_depth=60), stay("s", 0.5, 2, scroll_depth=30)]
    row = only("chapter_engagement_summary", *visits, stay("s", 0.8, 4))
    assert row["completion_rate"] == 0.6
    assert row["total_time_spent_seconds"] == 540
    assert row["average_time_spent_seconds"] == 180
    assert row["last_visited_at"].hour == 19


def test_quantiles_of_one_visit_are_its_time() -> None:
    row = only("chapter_analytics", stay("s", 0, 7))
    quantiles = {name: value for name, value in row.items() if name.endswith("_seconds")}
    assert len(quantiles) == 8
    assert set(quantiles.values()) == {420}


def test_quantiles_lie_between_neighbouring_visits_and_students_count_by_their_sums() -> None:
    of_one = [stay("a", at / 10, minutes) for at, minutes in enumerate((1, 2, 3))]
    row = only("chapter_analytics", *of_one, stay("b", 0, 10))
    assert row["median_time_spent_seconds"] == 150
    assert row["p25_time_spent_seconds"] == 105
    assert row["p75_time_spent_seconds"] == 285
    assert row["p5_time_spent_seconds"] == pytest.approx(69)
    assert row["p95_time_spent_seconds"] == pytest.approx(537)
    assert row["average_time_spent_seconds"] == 240
    assert row["median_time_per_student_seconds"] == row["average_time_per_student_seconds"] == 480
    assert (row["total_visits"], row["unique_students"]) == (4, 2)


def test_a_chapter_without_any_depth_has_a_time_but_no_drop_off_rate() -> None:
    rows = [stay(f"s{n}", 0, 2) for n in range(5)]
    difficulty = only("chapter_difficulty", *rows)
    assert difficulty["drop_off_rate"] is difficulty["quiz_accuracy"] is None
    assert difficulty["difficulty_score"] == difficulty["time_rank"] == 0
    assert only("chapter_analytics", *rows)["drop_off_rate"] is None
    assert only("course_comparison", *rows)["completion_rate"] is None


def _crowd(chapter: str, minutes: float, students: int = 5, **told: Any) -> list[bytes]:
    start = int(chapter[1:]) / 10
    return [stay(f"s{n}", start, minutes, chapter_id=chapter, **told) for n in range(students)]


def test_difficulty_weighs_time_rank_drop_off_and_wrong_answers() -> None:
    visits = _crowd("h1", 9, scroll_depth=10) + _crowd("h2", 3, scroll_depth=80)
    answers = [answer(f"s{n}", 0.1 + n * MINUTE, n == 0) for n in range(4)]
    unknown = answer("s0", 0.1 + 5 * MINUTE, None)
    rows = asked("chapter_difficulty", [*visits, *answers, unknown])
    assert by_chapter(rows, "quiz_accuracy") == {"h1": 0.25, "h2": None}
    expected = {"h1": 0.5 + 0.3 + 0.2 * 0.75, "h2": 0.0}
    assert by_chapter(rows, "difficulty_score") == pytest.approx(expected)


def test_weights_of_missing_parts_go_to_the_others() -> None:
    rows = asked("chapter_difficulty", _crowd("h1", 9, scroll_depth=60) + _crowd("h2", 3))
    assert by_chapter(rows, "difficulty_score") == pytest.approx({"h1": 0.5 / 0.8, "h2": 0.0})


def test_fewer_than_five_students_say_nothing_about_difficulty_but_take_a_rank() -> None:
    visits = _crowd("h1", 9) + _crowd("h2", 3) + _crowd("h3", 20, students=4)
    rows = asked("chapter_difficulty", visits)
    assert by_chapter(rows, "time_rank") == {"h1": 0.5, "h2": 0, "h3": 1}
    assert by_chapter(rows, "difficulty_score") == {"h1": 0.5, "h2": 0, "h3": None}


def test_time_is_ranked_over_the_expected_time_only_if_all_chapters_have_one() -> None:
    visits = _crowd("h1", 9) + _crowd("h2", 3)
    known, unknown = chapters_of_k1(30, 2), chapters_of_k1(30, None)
    ranks = [
        by_chapter(asked("chapter_difficulty", visits, catalogues=c), "time_rank")
        for c in (known, unknown)
    ]
    assert ranks == [{"h1": 0, "h2": 1}, {"h1": 1, "h2": 0}]


def test_equal_shares_of_the_expected_time_have_equal_ranks() -> None:
    visits = _crowd("h1", 0.3) + _crowd("h2", 0.1) + _crowd("h3", 0.7)
    rows = asked("chapter_difficulty", visits, catalogues=chapters_of_k1(3, 1, 1))
    assert by_chapter(rows, "time_rank") == {"h1": 0, "h2": 0, "h3": 1}
