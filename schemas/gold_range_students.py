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
    """How far a student is in a course and what it took.

    An event is of the course it names. One that names none, but a chapter, lesson, video, quiz or
    assignment, or whose type is of a course or quiz, is of the unknown course (null).
    """

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column(_COURSE)
    completion_ratio: float | None = column(
        "Completed chapters of the catalogue over all of them; over those visited for a course "
        "without catalogue (null if none was) (0-1)."
    )
    is_completed: bool = column(
        "A course_complete event, or every chapter of the catalogue completed."
    )
    lessons_started: int = column("Distinct lessons with an event of the course.")
    lessons_completed: int = column("Distinct lessons with a lesson_complete event.")
    total_lessons: int | None = column(
        "Distinct lessons of the course in the catalogue; null if it names none."
    )
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
    quizzes_passed: int = column(
        "Quizzes with a day on which the share of right answers (of known result) reached the pass "
        "mark: the largest of the quiz's questions in the catalogue, else the default."
    )
    quiz_average_score: float | None = column("Right answers over answers of known result (0-1).")
    assignments_submitted: int = column("Distinct assignments with an assignment_submit event.")
    last_activity_at: datetime.datetime = column("Last event of the student in the course (UTC).")
    last_activity_date: datetime.date = column("Date of it in the reporting time zone.")
    streak_days: int = column(
        "Consecutive dates with a session of any course, up to and including this one (days)."
    )


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
        "Time per day of the last 7 dates over that of the last 30, minus 1: from -1 (stopped) "
        "to 23/7 (all of it in the last 7); null without time."
    )
    streak_days: int = column("Consecutive dates up to this one with a session (days).")
    regularity: float | None = column(
        "Share of the weekdays with a session that repeat from week to week, over the 3 pairs of "
        "neighbouring weeks of the last 28 dates: sum of the weekdays in both over sum of the "
        "larger numbers of weekdays (0-1); null without a session in them. Measure WS1 of "
        "Boroujeni et al., How to quantify student's regularity? (EC-TEL 2016), pooled."
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
    dropped_enrolments: int = column(
        "Of them, not completed, with a course_unenroll event after the last course_enroll."
    )
    total_hours: float = column("Sum of session durations (h).")
    average_daily_minutes: float | None = column("Session time per date with a session (min).")
    preferred_hour: int | None = column(
        "Hour of the day with most sessions started, of several the earliest (0-23)."
    )
    preferred_weekday: int | None = column(
        "Weekday with most sessions, of several the earliest (1 Monday - 7 Sunday)."
    )
    average_completion_days: float | None = column(
        "Mean time from the first course_enroll event of a course to the first course_complete "
        "event since, over the courses that have one (days of 24 h)."
    )
    learning_consistency_score: float | None = column(
        "Share of the ISO weeks with a session, from that of the first session to that of the "
        "date of reckoning (0-1). Our own, a weekly indicator of regular engagement as in "
        "Jovanovic et al., Computers & Education 134 (2019)."
    )
    overall_average_score: float | None = column("Mean score of the answers that have one.")
    quiz_accuracy: float | None = column("Right answers over answers of known result (0-1).")
    at_risk_score: float | None = column(
        "Largest score of the student in the newest gold.at_risk_scores (0-1); null if none. "
        "Before there are any: mean of the known parts, weighted 0.5 absence "
        "(1 - 0.5 ^ (days_since_active / away_days)), 0.3 decline (-engagement_trend, at least 0) "
        "and 0.2 wrong answers (1 - quiz_accuracy_30d). Effort and performance as in Arnold & "
        "Pistilli, Course Signals (LAK 2012); the weights are our own.",
        is_sensitive=True,
    )
    last_activity_at: datetime.datetime = column("Last event (UTC).")
    days_since_active: int = column("Dates since the last event (days).")


@table(
    "gold",
    "one row per date of reckoning, student, course and assignment started or submitted",
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
    status: str = column("submitted once there is a submission, else started.")


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
    mastery: float = column(
        "Mean of the Beta posterior of the share of right answers, uniform prior: (right + 1) / "
        "(answers + 2) (0-1), Laplace's rule of succession."
    )
    is_gap: bool = column("At least 3 answers and mastery under pass_mark: a knowledge gap.")
