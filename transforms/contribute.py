"""What do sessions add to the figures of a chapter, question, video, device or day?

How they add up: `sum_up`. Distinct students are counted apart, as a student can have several
sessions: `total_students`.
"""

import polars as pl

from schemas import tables
from transforms import calendar
from transforms.divide import divide
from transforms.merge_times import TIME, VISITS, merge_times
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.sum_up import Frames, sum_up

ATTO = 10**18
"""Doubles are summed as whole parts of this size (128 bits): sums do not depend on order."""
CURVE_STEPS = 20


def contribute(
    timeline: Timeline,
    visits: pl.DataFrame,
    hours: pl.DataFrame,
    videos: pl.DataFrame,
    attempts: pl.DataFrame,
    options: MetricOptions,
) -> Frames:
    """Contributions of whole sessions to every gold table that is not per student.

    `hours`: of `cut_hours`.
    """
    return {
        "chapter_engagement": _chapters(visits),
        "chapter_hourly_activity": _hours(hours),
        "question_attempts_summary": _questions(attempts),
        "video_engagement": _videos(videos),
        "device_daily": _sessions(timeline.sessions, tables.get("device_daily").key),
        "geo_daily": _sessions(timeline.sessions, tables.get("geo_daily").key),
        "platform_daily": _platform(timeline, options),
    }


def _count(condition: pl.Expr) -> pl.Expr:
    return condition.sum().cast(pl.Int64)


def _exact_sum(values: pl.Expr) -> pl.Expr:
    return (values * ATTO).round().cast(pl.Int128).sum()


def _chapters(visits: pl.DataFrame) -> pl.DataFrame:
    """Sums, and how many visits lasted, and were active for, each number of milliseconds."""
    scroll = pl.col("scroll_depth")
    once = pl.lit(1, pl.Int64)
    chapters = visits.group_by(
        date="visit_date", course_id="course_id", chapter_id="chapter_id"
    ).agg(
        time_spent_ms=pl.col("time_spent_ms").sum(),
        visits_count=pl.len().cast(pl.Int64),
        scroll_atto=_exact_sum(scroll),
        scroll_known_count=_count(scroll.is_not_null()),
        drop_off_known_count=_count(pl.col("is_drop_off").is_not_null()),
        drop_off_count=_count(pl.col("is_drop_off")),
        completion_known_count=_count(pl.col("is_completed").is_not_null()),
        completed_count=_count(pl.col("is_completed")),
        spent_times=pl.struct(pl.col("time_spent_ms").alias(TIME), once.alias(VISITS)),
        active_times=pl.struct(pl.col("active_ms").alias(TIME), once.alias(VISITS)),
    )
    return chapters.with_columns(map(merge_times, chapters[["spent_times", "active_times"]]))


def _hours(hours: pl.DataFrame) -> pl.DataFrame:
    return hours.group_by(tables.get("chapter_hourly_activity").key).agg(
        time_spent_ms=pl.col("spent_ms").sum(),
        visits_count=_count(pl.col("is_start")),
    )


def _questions(attempts: pl.DataFrame) -> pl.DataFrame:
    known = pl.col("is_correct")
    spent = pl.col("time_spent_ms")
    return attempts.group_by(date="attempt_date", quiz_id="quiz_id", question_id="question_id").agg(
        attempts_count=pl.len().cast(pl.Int64),
        known_count=_count(known.is_not_null()),
        correct_count=_count(known),
        time_spent_ms=spent.sum(),
        timed_count=_count(spent.is_not_null()),
    )


def _videos(videos: pl.DataFrame) -> pl.DataFrame:
    length = pl.col("video_duration_ms")
    furthest = pl.col("furthest_position_ms") * CURVE_STEPS
    reached = {
        f"reached_{step}": _count(furthest >= step * length) for step in range(1, CURVE_STEPS + 1)
    }
    return videos.group_by(date="view_date", course_id="course_id", video_id="video_id").agg(
        views_count=pl.len().cast(pl.Int64),
        watched_ms=pl.col("watched_ms").sum(),
        rewatched_ms=pl.col("rewatched_ms").sum(),
        playing_atto=_exact_sum(divide(pl.col("playing_ms"), 1000)),
        watch_ratio_atto=_exact_sum(pl.col("watch_ratio")),
        watch_ratio_known_count=_count(pl.col("watch_ratio").is_not_null()),
        completed_count=_count(pl.col("is_completed")),
        length_known_count=_count(length.is_not_null()),
        **reached,
    )


def _sessions(sessions: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    return (
        sessions.rename({"session_date": "date"})
        .group_by(keys)
        .agg(
            sessions_count=pl.len().cast(pl.Int64),
            time_spent_ms=pl.col("session_duration_ms").sum(),
        )
    )


def _platform(timeline: Timeline, options: MetricOptions) -> pl.DataFrame:
    kind = pl.col("event_type")
    dates = calendar.dates(timeline.events["occurred_ms"], options.reporting_timezone)
    of_events = (
        timeline.events.select(kind, date=dates)
        .group_by("date")
        .agg(
            events_count=pl.len().cast(pl.Int64),
            enrolments_count=_count(kind == "course_enroll"),
            completions_count=_count(kind == "course_complete"),
        )
    )
    of_sessions = _sessions(timeline.sessions, ("date",))
    return sum_up("platform_daily", [of_events, of_sessions])
