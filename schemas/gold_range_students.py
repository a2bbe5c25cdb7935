"""What is a row of gold over a range about one student? All history up to and including a date."""

import datetime

from schemas.tables import column, table

_AS_OF = "Rows of dates up to and including this one count (reporting time zone)."
_STUDENT = "Keyed hash (HMAC-SHA-256, hex) of the student id."
_COURSE = "Course; null is a value."


@table(
    "gold",
    "one row per date of reckoning, student and course with a visit, event or enrolment",
    ("as_of_date", "student_hash", "course_id"),
    "as_of_date",
)
class StudentCourseMetrics:
    """How far a student is in a course and what it took."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column(_COURSE)
    completion_ratio: float | None = column(
        "Completed chapters over the chapters of the catalogue, else over those seen (0-1)."
    )
    lessons_started: int = column("Distinct lessons with an event.")
    lessons_completed: int = column("Distinct lessons with a lesson_complete event.")
    total_lessons: int | None = column("Lessons of the course in the catalogue; null if unknown.")
    chapters_started: int = column("Distinct chapters with a visit.")
    chapters_completed: int = column("Distinct chapters with a completed visit.")
    total_chapters: int | None = column("Chapters of the course in the catalogue; null if unknown.")
    time_spent_total_seconds: float = column("Sum of the visits of the course (s).")
    time_spent_video_seconds: float = column("Of it, visits that hold a video event (s).")
    time_spent_reading_seconds: float = column("Of it, visits with neither video nor quiz (s).")
    time_spent_quiz_seconds: float = column("Of it, visits with a quiz event but no video (s).")
    sessions_count: int = column("Sessions with a visit of the course.")
    average_session_duration_seconds: float | None = column(
        "Mean duration of those sessions; null without one (s)."
    )
    videos_watched: int = column("Distinct videos of which something was played.")
    video_watch_ratio_average: float | None = column(
        "Mean watch ratio over views of known length (0-1)."
    )
    quizzes_attempted: int = column("Distinct quizzes with a quiz event.")
    quizzes_passed: int = column("Quizzes whose best daily accuracy reached the pass mark.")
    quiz_average_score: float | None = column("Right answers over answers of known result (0-1).")
    assignments_submitted: int = column("Distinct assignments with an assignment_submit event.")
    last_activity_at: datetime.datetime = column("Last event of the student in the course (UTC).")
    streak_days: int = column("Consecutive dates up to this one with a session (days).")


@table(
    "gold",
    "one row per date of reckoning, student, course and chapter with a visit",
    ("as_of_date", "student_hash", "course_id", "chapter_id"),
    "as_of_date",
)
class ChapterEngagementSummary:
    """What a student did in a chapter."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column(_COURSE)
    chapter_id: str = column("Chapter.")
    total_time_spent_seconds: float = column("Sum over visits (s).")
    average_time_spent_seconds: float = column("Mean over visits (s).")
    active_seconds: float = column("Sum of the visits' active time (s).")
    visits_count: int = column("Number of visits.")
    last_visited_at: datetime.datetime = column("Start of the last visit (UTC).")
    completion_rate: float | None = column("Largest progress of a visit (0-1); null if unknown.")
    is_drop_off: bool | None = column(
        "Largest scroll depth under 50 % and never completed; null if no depth is known."
    )


@table(
    "gold",
    "one row per date of reckoning and student with a session so far",
    ("as_of_date", "student_hash"),
    "as_of_date",
)
class StudentFeatures:
    """What a model needs to know of a student."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    time_spent_7d_seconds: float = column("Session time of the last 7 dates (s).")
    time_spent_30d_seconds: float = column("Session time of the last 30 dates (s).")
    sessions_7d: int = column("Sessions of the last 7 dates.")
    sessions_30d: int = column("Sessions of the last 30 dates.")
    active_days_7d: int = column("Dates with a session, of the last 7 (days).")
    active_days_30d: int = column("Dates with a session, of the last 30 (days).")
    quiz_accuracy_30d: float | None = column(
        "Right answers over answers of known result, last 30 dates (0-1)."
    )
    quiz_attempts_30d: int = column("Answers of the last 30 dates.")
    video_watch_ratio_30d: float | None = column(
        "Mean watch ratio over views of known length, last 30 dates (0-1)."
    )
    last_login_days_ago: int = column("Dates since the last session (days).")
    engagement_trend: float | None = column(
        "Time per day of the last 7 dates over that of the last 30, minus 1; null without time."
    )
    streak_days: int = column("Consecutive dates up to this one with a session (days).")
    regularity: float | None = column(
        "Share of the weekdays with activity of the last 4 weeks that repeat weekly (0-1)."
    )


@table(
    "gold",
    "one row per date of reckoning and student with an event so far",
    ("as_of_date", "student_hash"),
    "as_of_date",
)
class StudentProfiles:
    """A student over all courses and all history."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    first_enrollment_at: datetime.datetime | None = column("First course_enroll event (UTC).")
    total_enrolments: int = column("Distinct courses enrolled in.")
    active_enrolments: int = column("Of them, neither completed nor dropped.")
    completed_enrolments: int = column("Of them, with a course_complete event.")
    dropped_enrolments: int = column("Of them, left by a course_unenroll event.")
    total_hours: float = column("Sum of session durations (h).")
    average_daily_minutes: float | None = column("Session time per date with a session (min).")
    preferred_hour: int | None = column("Hour of the day with most sessions started (0-23).")
    preferred_weekday: int | None = column("Weekday with most sessions (1 Monday - 7 Sunday).")
    average_completion_days: float | None = column(
        "Mean days from enrolment to completion of the completed courses (days)."
    )
    learning_consistency_score: float | None = column(
        "Share of the weeks since the first session that have one (0-1)."
    )
    overall_average_score: float | None = column("Mean score of the answers that have one.")
    quiz_accuracy: float | None = column("Right answers over answers of known result (0-1).")
    at_risk_score: float | None = column("Largest at-risk score of a course (0-1); null if none.")
    last_activity_at: datetime.datetime = column("Last event (UTC).")
    days_since_active: int = column("Dates since the last event (days).")


@table(
    "gold",
    "one row per date of reckoning, student, course and assignment with an event",
    ("as_of_date", "student_hash", "course_id", "assignment_id"),
    "as_of_date",
)
class AssignmentStatus:
    """Which assignments a student has started and submitted."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column(_COURSE)
    assignment_id: str = column("Assignment.")
    started_at: datetime.datetime | None = column("First assignment_start; null if none (UTC).")
    submitted_at: datetime.datetime | None = column("Last assignment_submit; null if none (UTC).")
    status: str = column("started or submitted.")


@table(
    "gold",
    "one row per date of reckoning, student and skill with an answer of known result",
    ("as_of_date", "student_hash", "skill_id"),
    "as_of_date",
)
class SkillMastery:
    """How well a student masters a skill that questions name."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    skill_id: str = column("Skill.")
    attempts_count: int = column("Answers of known result.")
    correct_count: int = column("Right answers.")
    accuracy: float = column("Right answers over answers (0-1).")
    mastery: float = column("Estimated mastery (0-1).")
    is_gap: bool = column("Mastery is too low: a knowledge gap.")
