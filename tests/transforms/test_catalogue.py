"""Does the catalogue fill what an event does not say, and never overwrite what it says?"""

from typing import Any

import polars as pl
import pytest

from transforms.catalogue import build_catalogue, build_questions, fill_chapters
from transforms.describe_dimensions import describe_questions

CATALOGUE = build_catalogue(
    [
        {"course_id": "k1", "chapter_id": "c1", "lesson_ids": "l1; l2 ;;", "expected_minutes": "2"},
        {"course_id": "k1", "chapter_id": "c2", "lesson_ids": "l3", "chapter_order": "2"},
        {"course_id": "k2", "chapter_id": "c1", "lesson_ids": ["l2"], "has_quiz": "Yes"},
        {"course_id": "k2", "chapter_id": "c3", "lesson_ids": "l3", "expected_minutes": ""},
    ]
)


def _filled(course: str | None, chapter: str | None, lesson: str | None) -> tuple[Any, ...]:
    text = dict.fromkeys(("course_id", "chapter_id", "lesson_id"), pl.String)
    events = pl.DataFrame([(course, chapter, lesson)], schema=text, orient="row")
    return fill_chapters(events, CATALOGUE).select("course_id", "chapter_id", "lesson_id").row(0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, "l1"), (None, "c1", "l1")),  # two courses have the chapter
        ((None, None, "l2"), (None, "c1", "l2")),
        (("k2", None, "l2"), ("k2", "c1", "l2")),
        ((None, None, "l3"), (None, "l3", "l3")),  # two chapters have it
        (("k2", None, "l3"), ("k2", "c3", "l3")),
        (("k1", None, "l9"), ("k1", "l9", "l9")),
        (("k9", None, "l1"), ("k9", "l1", "l1")),  # not a lesson of that course
        ((None, "c2", None), ("k1", "c2", None)),
        ((None, "c1", None), (None, "c1", None)),  # two courses have it
        ((None, "c9", None), (None, "c9", None)),
        (("k9", "c2", "l1"), ("k9", "c2", "l1")),  # never overwritten
        ((None, None, None), (None, None, None)),
    ],
)
def test_lessons_name_chapters_and_chapters_courses(given: tuple, expected: tuple) -> None:
    assert _filled(*given) == expected


def test_rows_are_read_from_texts() -> None:
    rows = CATALOGUE.chapters.to_dicts()
    assert rows[0]["lesson_ids"] == ["l1", "l2"]
    assert (rows[0]["expected_minutes"], rows[3]["expected_minutes"]) == (2.0, None)
    assert (rows[1]["chapter_order"], rows[2]["has_quiz"]) == (2, True)


def test_the_first_row_of_a_chapter_counts() -> None:
    rows = [{"course_id": "k", "chapter_id": "c", "chapter_title": t} for t in ("A", "B")]
    assert build_catalogue(rows).chapters["chapter_title"].to_list() == ["A"]


def test_an_empty_catalogue_leaves_events_as_they_are() -> None:
    events = pl.DataFrame(
        {"course_id": [None], "chapter_id": ["c"], "lesson_id": [None]},
        schema=dict.fromkeys(("course_id", "chapter_id", "lesson_id"), pl.String),
    )
    assert fill_chapters(events, build_catalogue([])).to_dicts() == events.to_dicts()


def test_questions_keep_ids_as_texts() -> None:
    questions = build_questions([{"quiz_id": 1, "question_id": "2", "correct_option": ""}])
    assert questions.questions.rows() == [("1", "2", None, None, None)]


@pytest.mark.parametrize("mark", ["1.01", "-0.1", "NaN", "much"])
def test_a_pass_mark_is_a_share(mark: str) -> None:
    with pytest.raises(ValueError):
        build_questions([{"quiz_id": "z", "question_id": "1", "pass_mark": mark}])


def test_what_is_said_of_questions_does_not_say_the_right_options() -> None:
    row = {"quiz_id": "z", "question_id": "1", "correct_option": "B", "pass_mark": "0.7"}
    described = describe_questions(build_questions([row | {"skill_id": "sums"}])).to_dicts()
    assert described == [{"quiz_id": "z", "question_id": "1", "pass_mark": 0.7, "skill_id": "sums"}]
