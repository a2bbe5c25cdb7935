"""What does the catalogue of courses and chapters know that an event does not say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

CATALOGUE_COLUMNS: dict[str, Any] = {
    "course_id": pl.String,
    "course_title": pl.String,
    "chapter_id": pl.String,
    "chapter_title": pl.String,
    "chapter_order": pl.Int64,
    "subject_id": pl.String,
    "class_id": pl.String,
    "expected_minutes": pl.Float64,
    "has_quiz": pl.Boolean,
    "lesson_ids": pl.List(pl.String),
}

QUESTION_COLUMNS: dict[str, Any] = {
    "quiz_id": pl.String,
    "question_id": pl.String,
    "correct_option": pl.String,
    "pass_mark": pl.Float64,
    "skill_id": pl.String,
}

_LESSON = ("course_id", "lesson_id", "lesson_chapter")


@dataclass(frozen=True)
class Catalogue:
    """Chapters by course, one row per course and chapter; columns as CATALOGUE_COLUMNS."""

    chapters: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CATALOGUE_COLUMNS))

    @property
    def course_of_chapter(self) -> pl.DataFrame:
        """chapter_id, course_id of the chapters that exactly one course has."""
        pairs = self.chapters.select("chapter_id", "course_id").unique()
        return pairs.filter(pl.len().over("chapter_id") == 1)

    @property
    def chapter_of_lesson(self) -> pl.DataFrame:
        """course_id, lesson_id, lesson_chapter, where exactly one chapter of the course has it.

        A null course stands for all courses: the lessons that exactly one chapter anywhere has.
        """
        chapters = self.chapters.with_columns(lesson_chapter="chapter_id", lesson_id="lesson_ids")
        lessons = chapters.select(_LESSON).explode("lesson_id").drop_nulls().unique()
        anywhere = lessons.with_columns(course_id=pl.lit(None, pl.String)).unique()
        both = pl.concat([lessons, anywhere])
        return both.filter(pl.len().over("course_id", "lesson_id") == 1)

    @property
    def expected(self) -> pl.DataFrame:
        """course_id, chapter_id, expected_ms (null where unknown)."""
        minutes = pl.col("expected_minutes") * 60_000
        return self.chapters.select("course_id", "chapter_id", expected_ms=minutes)


@dataclass(frozen=True)
class Questions:
    """The optional catalogue of questions, one row each; columns as QUESTION_COLUMNS."""

    questions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUESTION_COLUMNS))

    @property
    def right_options(self) -> pl.DataFrame:
        """quiz_id, question_id, correct_option."""
        return self.questions.select("quiz_id", "question_id", "correct_option")


def build_catalogue(rows: Sequence[Mapping[str, Any]]) -> Catalogue:
    """A catalogue from rows as in catalog.csv; texts are converted, empty ones are null."""
    records = [{name: _read(name, row.get(name)) for name in CATALOGUE_COLUMNS} for row in rows]
    frame = pl.DataFrame(records, schema=CATALOGUE_COLUMNS, strict=False)
    return Catalogue(frame.unique(["course_id", "chapter_id"], keep="first", maintain_order=True))


def build_questions(rows: Sequence[Mapping[str, Any]]) -> Questions:
    """A catalogue of questions from rows of texts. ValueError for a pass mark outside 0..1."""
    records = [{name: _read(name, row.get(name)) for name in QUESTION_COLUMNS} for row in rows]
    frame = pl.DataFrame(records, schema=QUESTION_COLUMNS)
    if not frame["pass_mark"].drop_nulls().is_between(0, 1).all():
        raise ValueError("a pass_mark is not between 0 and 1")
    return Questions(frame.unique(["quiz_id", "question_id"], keep="first", maintain_order=True))


def fill_chapters(events: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """A lesson stands for its chapter; a chapter that only one course has names its course."""
    if events["lesson_id"].null_count() < events.height:
        lessons = catalogue.chapter_of_lesson
        keys = ["course_id", "lesson_id"]
        events = events.join(lessons, keys, "left", nulls_equal=True, maintain_order="left")
        chapter = pl.coalesce("chapter_id", "lesson_chapter", "lesson_id")
        events = events.with_columns(chapter.alias("chapter_id")).drop("lesson_chapter")
    if catalogue.chapters.is_empty() or not events["course_id"].null_count():
        return events
    courses = catalogue.course_of_chapter.rename({"course_id": "only_course"})
    events = events.join(courses, "chapter_id", "left", maintain_order="left")
    return events.with_columns(pl.coalesce("course_id", "only_course").alias("course_id")).drop(
        "only_course"
    )


def _read(name: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if name == "lesson_ids":
        return (
            value
            if isinstance(value, list)
            else [x.strip() for x in str(value).split(";") if x.strip()]
        )
    if name == "has_quiz":
        return str(value).strip().lower() in ("true", "1", "yes")
    if name in ("expected_minutes", "pass_mark"):
        return float(value)
    return int(float(value)) if name == "chapter_order" else str(value)
