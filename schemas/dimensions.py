"""What is a row of a dimension? Properties of courses, chapters, questions and dates."""

import datetime

from schemas.tables import column, table


@table("gold", "one row per course of the catalogue", ("course_id",))
class DimCourses:
    """Courses."""

    course_id: str = column("Course.")
    course_title: str | None = column("Title.")
    subject_id: str | None = column("Subject.")
    class_id: str | None = column("Class or grade.")
    chapters_count: int = column("Chapters in the catalogue.")
    expected_minutes: float | None = column("Sum of the expected minutes that are known (min).")


@table("gold", "one row per course and chapter of the catalogue", ("course_id", "chapter_id"))
class DimChapters:
    """Chapters of courses."""

    course_id: str = column("Course.")
    chapter_id: str = column("Chapter.")
    course_title: str | None = column("Title of the course.")
    chapter_title: str | None = column("Title of the chapter.")
    chapter_order: int | None = column("Place of the chapter in its course, from 1.")
    subject_id: str | None = column("Subject.")
    class_id: str | None = column("Class or grade.")
    expected_minutes: float | None = column("Time a student is expected to need (min).")
    has_quiz: bool | None = column("Whether the chapter has a quiz.")
    lesson_ids: list[str] | None = column("Lessons of the chapter.")


@table(
    "gold", "one row per quiz and question of the question catalogue", ("quiz_id", "question_id")
)
class DimQuestions:
    """Questions of quizzes. The right options stay out: whoever reads gold could pass them on."""

    quiz_id: str | None = column("Quiz; null is a value.")
    question_id: str | None = column("Question; null is a value.")
    pass_mark: float | None = column("Share of right answers that passes the quiz (0-1).")
    skill_id: str | None = column("Skill that the question asks for.")


@table("gold", "one row per date from the first event to the last", ("date",))
class DimDates:
    """The calendar of the warehouse."""

    date: datetime.date = column("Date.")
    year: int = column("Year.")
    quarter: int = column("Quarter (1-4).")
    month: int = column("Month (1-12).")
    iso_year: int = column("Year of the ISO week.")
    iso_week: int = column("ISO week (1-53).")
    weekday: int = column("Weekday (1 Monday - 7 Sunday).")
    weekday_name: str = column("Name of the weekday.")
    is_weekend: bool = column("Saturday or Sunday.")
