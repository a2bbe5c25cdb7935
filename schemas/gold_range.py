"""What is a row of gold over a range about courses? All history up to and including a date.

The tables about one student are in `gold_range_students`, registered along with these.
"""

import datetime

from schemas import gold_range_students
from schemas.tables import column, table

__all__ = ["gold_range_students"]

_AS_OF = "Rows of dates up to and including this one count (reporting time zone)."
_COURSE = "Course; null is a value."


@table(
    "gold",
    "one row per date of reckoning, course and chapter with a visit",
    ("as_of_date", "course_id", "chapter_id"),
    "as_of_date",
)
class ChapterAnalytics:
    """How long a chapter takes, over all its visits."""

    as_of_date: datetime.date = column(_AS_OF)
    course_id: str | None = column(_COURSE)
    chapter_id: str = column("Chapter.")
    average_time_spent_seconds: float = column("Mean over visits (s).")
    median_time_spent_seconds: float = column("Median over visits, linear interpolation (s).")
    p5_time_spent_seconds: float = column("5th percentile over visits (s).")
    p25_time_spent_seconds: float = column("25th percentile over visits (s).")
    p75_time_spent_seconds: float = column("75th percentile over visits (s).")
    p95_time_spent_seconds: float = column("95th percentile over visits (s).")
    average_time_per_student_seconds: float = column("Mean over students of their sums (s).")
    median_time_per_student_seconds: float = column("Median over students of their sums (s).")
    total_visits: int = column("Number of visits.")
    unique_students: int = column("Distinct students.")
    drop_off_rate: float | None = column("Drop-offs over visits where it is known (0-1).")
    completion_rate: float | None = column("Completed over visits where it is known (0-1).")
    difficulty_score: float | None = column(
        "That of `chapter_difficulty`, of the same date; null under 5 students (0-1)."
    )


@table(
    "gold",
    "one row per date of reckoning and course",
    ("as_of_date", "course_id"),
    "as_of_date",
)
class CourseComparison:
    """Courses side by side: those with a row in `student_course_metrics`."""

    as_of_date: datetime.date = column(_AS_OF)
    course_id: str | None = column(_COURSE)
    enrolled_students: int = column("Distinct students with a course_enroll event.")
    students: int = column("Distinct students with a visit.")
    time_per_student_seconds: float | None = column("Visit time over students; null if none (s).")
    sessions_per_student: float | None = column(
        "Sessions with a visit of the course, over students; null if none."
    )
    completion_rate: float | None = column("Completed over visits where it is known (0-1).")
    drop_off_rate: float | None = column("Drop-offs over visits where it is known (0-1).")
    quiz_accuracy: float | None = column(
        "Right answers over answers of known result, of all students and attempts (0-1)."
    )
    video_watch_ratio_average: float | None = column(
        "Mean watch ratio over views of known length (0-1)."
    )


@table(
    "gold",
    "one row per date of reckoning, course and chapter that a student reached",
    ("as_of_date", "course_id", "chapter_id"),
    "as_of_date",
)
class CourseDropoff:
    """At which chapter students leave a course."""

    as_of_date: datetime.date = column(_AS_OF)
    course_id: str | None = column(_COURSE)
    chapter_id: str = column("Chapter.")
    chapter_order: int | None = column("Place in the course by the catalogue; null if unknown.")
    students_reached: int = column("Distinct students with a visit of the chapter.")
    students_stopped: int = column(
        "Of them, those whose last visit of the course it had, who have not completed the course "
        "and have had no event of it for away_days or more."
    )
    drop_off_index: float = column("Stopped over reached (0-1).")


@table(
    "gold",
    "one row per date of reckoning and week number of a cohort",
    ("as_of_date", "cohort_week", "week_number"),
    "as_of_date",
)
class CohortRetention:
    """Which share of the students who began in a week came back in later weeks."""

    as_of_date: datetime.date = column(_AS_OF)
    cohort_week: datetime.date = column("Monday of the ISO week of the first session.")
    week_number: int = column(
        "Weeks since the cohort's week, from 0 to the week of as_of_date, which may not be over."
    )
    cohort_students: int = column("Students whose first session lies in the cohort's week.")
    retained_students: int = column("Of them, those with a session in this week.")
    retention_rate: float = column("Retained over cohort students (0-1).")
