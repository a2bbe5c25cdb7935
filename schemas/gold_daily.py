"""What is a row of gold by day? Figures of one date, in the reporting time zone."""

import dataclasses
import datetime

from schemas.tables import column, table

_DATE = "Date in the reporting time zone."
_STUDENT = "Keyed hash (HMAC-SHA-256, hex) of the student id."


@dataclasses.dataclass
class TimeCount:
    """A duration and how many visits lasted exactly that long."""

    time_ms: int
    visits_count: int


@table("gold", "one row per date and student with a session", ("date", "student_hash"), "date")
class SessionDailyStats:
    """A student's sessions of a day, by the date of their start."""

    date: datetime.date = column(_DATE)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    total_sessions: int = column("Number of sessions.")
    total_time_spent_seconds: float = column("Sum of session durations (s).")
    average_session_duration_seconds: float = column("Mean session duration (s).")
    longest_session_seconds: float = column("Longest session (s).")
    shortest_session_seconds: float = column("Shortest session (s).")


@table("gold", "one row per date and student with an event", ("date", "student_hash"), "date")
class StudentDailyActivity:
    """What a student did on a day."""

    date: datetime.date = column(_DATE)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    total_sessions: int = column("Sessions that started on the date.")
    total_time_spent_seconds: float = column("Sum of their durations (s).")
    active_seconds: float = column("Sum of their active time (s).")
    pages_viewed: int = column("page_view and chapter_view events.")
    quizzes_attempted: int = column("Distinct quizzes of quiz events.")
    videos_watched_seconds: float = column("Video watched, by the date it was started (s).")
    assignments_submitted: int = column("assignment_submit events.")
    engagement_score: float = column("0-100: active time, weighted events, distinct chapters.")


@table(
    "gold",
    "one row per date, course and chapter with a visit",
    ("date", "course_id", "chapter_id"),
    "date",
)
class ChapterEngagement:
    """Time, depth and completion of a chapter's visits on a day."""

    date: datetime.date = column(_DATE)
    course_id: str | None = column("Course; null is a value.")
    chapter_id: str = column("Chapter.")
    total_time_spent_seconds: float = column("Sum over visits (s).")
    average_time_per_visit_seconds: float = column("Mean over visits (s).")
    median_time_per_visit_seconds: float = column("Median, linear interpolation (s).")
    p25_time_per_visit_seconds: float = column("25th percentile (s).")
    p75_time_per_visit_seconds: float = column("75th percentile (s).")
    p90_time_per_visit_seconds: float = column("90th percentile (s).")
    median_active_seconds: float = column("Median active time of the visits (s).")
    unique_students: int = column("Distinct students, exact.")
    visits_count: int = column("Number of visits.")
    average_scroll_depth: float | None = column("Mean over visits with a depth (0-100 %).")
    drop_off_rate: float | None = column("Drop-offs over visits where it is known (0-1).")
    completion_rate: float | None = column("Completed over visits where it is known (0-1).")
    drop_off_known_count: int = column("Visits whose drop-off is known.")
    drop_off_count: int = column("Visits that dropped off.")
    completion_known_count: int = column("Visits whose completion is known.")
    completed_count: int = column("Visits completed.")
    scroll_known_count: int = column("Visits with a scroll depth.")
    time_distribution: list[TimeCount] = column("Exact distribution of visit times (ms), sorted.")


@table(
    "gold",
    "one row per date, hour, course, chapter and class with visit time",
    ("date", "hour", "course_id", "chapter_id", "class_id"),
    "date",
)
class ChapterHourlyActivity:
    """Visit time cut at the hours of the reporting time zone."""

    date: datetime.date = column(_DATE)
    hour: int = column("Hour of the day (0-23).")
    course_id: str | None = column("Course; null is a value.")
    chapter_id: str = column("Chapter.")
    class_id: str | None = column("Class; null is a value.")
    time_spent_seconds: float = column("Visit time within the hour (s).")
    visits_count: int = column("Visits that started in the hour.")
    active_students: int = column("Distinct students with a visit started or time in the hour.")


@table(
    "gold",
    "one row per date, quiz and question with an answer",
    ("date", "quiz_id", "question_id"),
    "date",
)
class QuestionAttemptsSummary:
    """How a question was answered on a day."""

    date: datetime.date = column(_DATE)
    quiz_id: str | None = column("Quiz; null is a value.")
    question_id: str | None = column("Question; null is a value.")
    attempts_count: int = column("Answers.")
    known_count: int = column("Answers whose correctness is known.")
    correct_count: int = column("Right answers.")
    average_time_spent_seconds: float | None = column("Mean over answers with a time (s).")
    timed_count: int = column("Answers with a time.")
    difficulty_estimate: float = column("(wrong + 1) / (known + 2): 0 easy, 1 hard.")


@table(
    "gold",
    "one row per date, course and video with a view",
    ("date", "course_id", "video_id"),
    "date",
)
class VideoEngagement:
    """How a video was watched on a day."""

    date: datetime.date = column(_DATE)
    course_id: str | None = column("Course; null is a value.")
    video_id: str = column("Video.")
    viewers: int = column("Distinct students.")
    views_count: int = column("Views: a session and a video.")
    watched_seconds: float = column("Sum of played segments (s of video).")
    average_watch_ratio: float | None = column("Mean over views with a ratio (0-1).")
    watch_ratio_known_count: int = column("Views with a ratio.")
    completed_count: int = column("Views completed.")
    completion_rate: float = column("Completed over all views (0-1).")
    rewatch_ratio: float | None = column("Rewatched over watched; null if nothing was watched.")
    average_playback_rate: float | None = column("Watched over playing time; null if none.")
    drop_off_curve: list[float] | None = column(
        "20 shares of the views of known length that reached 5 %, 10 % ... 100 % of it."
    )


@table("gold", "one row per date and device type", ("date", "device_type"), "date")
class DeviceDaily:
    """Sessions by device."""

    date: datetime.date = column(_DATE)
    device_type: str | None = column("mobile, tablet, desktop; null is a value.")
    sessions_count: int = column("Sessions that started on the date.")
    active_students: int = column("Distinct students of those sessions.")
    total_time_spent_seconds: float = column("Sum of their durations (s).")


@table("gold", "one row per date, country and region", ("date", "country_code", "region"), "date")
class GeoDaily:
    """Sessions by country and region."""

    date: datetime.date = column(_DATE)
    country_code: str | None = column("Country (ISO 3166 alpha-2); null is a value.")
    region: str | None = column("Region; null is a value.")
    sessions_count: int = column("Sessions that started on the date.")
    active_students: int = column("Distinct students of those sessions.")
    total_time_spent_seconds: float = column("Sum of their durations (s).")


@table("gold", "one row per date with an event or session", ("date",), "date")
class PlatformDaily:
    """The whole platform on a day."""

    date: datetime.date = column(_DATE)
    active_students: int = column("Distinct students with an event.")
    events_count: int = column("Events.")
    sessions_count: int = column("Sessions that started on the date.")
    total_time_spent_seconds: float = column("Sum of their durations (s).")
    enrolments_count: int = column("course_enroll events.")
    completions_count: int = column("course_complete events.")
