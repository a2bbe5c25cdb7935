"""What did each student do on each day? Whole in one place: a student's events never part."""

import polars as pl

from transforms import calendar
from transforms.divide import divide
from transforms.options import MetricOptions
from transforms.sessionize import Timeline

_KEY = ["date", "student_hash"]


def event_tenths() -> pl.Expr:
    """Weight of an event's type (METRICS, Live) in tenths, so that sums stay whole numbers."""
    kind = pl.col("event_type")
    is_task = kind.str.starts_with("quiz_") | kind.str.starts_with("assignment_")
    return (
        pl.when(kind.str.starts_with("video_"))
        .then(10)
        .when(is_task)
        .then(8)
        .when(kind.is_in(["page_view", "chapter_view"]))
        .then(5)
        .otherwise(3)
        .cast(pl.Int64)
    )


def total_sessions(sessions: pl.DataFrame) -> pl.DataFrame:
    """Rows of `session_daily_stats`, durations in milliseconds."""
    duration = pl.col("session_duration_ms")
    return sessions.group_by(date="session_date", student_hash="student_hash").agg(
        total_sessions=pl.len().cast(pl.Int64),
        total_time_spent_ms=duration.sum(),
        average_session_duration_seconds=divide(duration.sum() / pl.len(), 1000),
        longest_session_ms=duration.max(),
        shortest_session_ms=duration.min(),
        active_ms=pl.col("active_ms").sum(),
    )


def total_students(
    timeline: Timeline,
    daily_sessions: pl.DataFrame,
    visits: pl.DataFrame,
    videos: pl.DataFrame,
    options: MetricOptions,
) -> pl.DataFrame:
    """Rows of `student_daily_activity`: one for every student and date with an event."""
    days = (
        _count_events(timeline, options)
        .join(daily_sessions, _KEY, "left")
        .join(_watched(videos), _KEY, "left")
        .join(_chapters(visits), _KEY, "left")
        .with_columns(pl.exclude(_KEY).fill_null(0))
    )
    share = [
        0.4 * divide(pl.col("active_ms"), 3_600_000).clip(upper_bound=1),
        0.4 * divide(pl.col("tenths"), 600).clip(upper_bound=1),
        0.2 * divide(pl.col("chapters"), 3).clip(upper_bound=1),
    ]
    return days.with_columns(engagement_score=100 * (share[0] + share[1] + share[2]))


def _count_events(timeline: Timeline, options: MetricOptions) -> pl.DataFrame:
    dates = calendar.dates(timeline.events["occurred_ms"], options.reporting_timezone)
    events = timeline.events.select("student_hash", "event_type", "quiz_id", date=dates)
    kind, quiz = pl.col("event_type"), pl.col("quiz_id")
    is_page = kind.is_in(["page_view", "chapter_view"])
    return events.group_by(_KEY).agg(
        pages_viewed=is_page.sum().cast(pl.Int64),
        quizzes_attempted=quiz.filter(kind.str.starts_with("quiz_"))
        .drop_nulls()
        .n_unique()
        .cast(pl.Int64),
        assignments_submitted=(kind == "assignment_submit").sum().cast(pl.Int64),
        tenths=event_tenths().sum(),
    )


def _watched(videos: pl.DataFrame) -> pl.DataFrame:
    return videos.group_by(date="view_date", student_hash="student_hash").agg(
        videos_watched_ms=pl.col("watched_ms").sum()
    )


def _chapters(visits: pl.DataFrame) -> pl.DataFrame:
    return visits.group_by(date="visit_date", student_hash="student_hash").agg(
        chapters=pl.struct("course_id", "chapter_id").n_unique().cast(pl.Int64)
    )
