"""What did each student do on each day, and where does it count once?"""

import polars as pl

from schemas import tables
from transforms.divide import divide
from transforms.sum_up import Computed, Frames, drop_zeros
from transforms.trace_days import STUDENT_DAY

DISTINCT = {
    "chapter_engagement": ("chapters", "unique_students"),
    "chapter_hourly_activity": ("hours", "active_students"),
    "video_engagement": ("videos", "viewers"),
    "device_daily": ("devices", "active_students"),
    "geo_daily": ("places", "active_students"),
    "platform_daily": ("days", "active_students"),
}
"""Gold tables that count distinct students: the traces that show them, and the column."""


def total_students(traces: Frames) -> Computed:
    """Days of students, given all traces that they left on them (TRACES; sums above 0).

    Rows of session_daily_stats and student_daily_activity, contributions of DISTINCT: a student is
    in one place only, so it adds exactly 1 to a count of distinct students.
    """
    days = traces["days"].join(_total_sessions(traces["sessions"]), STUDENT_DAY, "left")
    rows = {
        "session_daily_stats": days.filter(pl.col("total_sessions").is_not_null()),
        "student_daily_activity": _total_days(days, traces),
    }
    return Computed(rows, {name: _count_once(name, traces) for name in DISTINCT})


def _total_sessions(sessions: pl.DataFrame) -> pl.DataFrame:
    """Figures of `session_daily_stats`, durations in milliseconds."""
    duration, count = pl.col("session_duration_ms"), pl.col("sessions_count")
    spent = (duration * count).sum()
    return sessions.group_by(STUDENT_DAY).agg(
        total_sessions=count.sum(),
        total_time_spent_ms=spent,
        average_session_duration_seconds=divide(spent / count.sum(), 1000),
        longest_session_ms=duration.max(),
        shortest_session_ms=duration.min(),
    )  # fmt: skip


def _total_days(days: pl.DataFrame, traces: Frames) -> pl.DataFrame:
    """Rows of `student_daily_activity`: one for every student and date with an event."""
    days = (
        days.join(_distinct(traces["quizzes"], "quizzes_attempted"), STUDENT_DAY, "left")
        .join(_distinct(traces["chapters"], "chapters"), STUDENT_DAY, "left")
        .with_columns(pl.exclude(STUDENT_DAY).fill_null(0))
    )
    share = [
        0.4 * divide(pl.col("active_ms"), 3_600_000).clip(upper_bound=1),
        0.4 * divide(pl.col("tenths"), 600).clip(upper_bound=1),
        0.2 * divide(pl.col("chapters"), 3).clip(upper_bound=1),
    ]
    return days.with_columns(engagement_score=100 * (share[0] + share[1] + share[2]))


def _distinct(traces: pl.DataFrame, column: str) -> pl.DataFrame:
    return traces.group_by(STUDENT_DAY).agg(pl.len().cast(pl.Int64).alias(column))


def _count_once(table: str, traces: Frames) -> pl.DataFrame:
    """Students of each key of a gold table: a trace is one student's."""
    name, column = DISTINCT[table]
    keys = tables.get(table).key
    return traces[name].group_by(keys).agg(pl.len().cast(pl.Int64).alias(column))


def settled(table: str, sums: pl.DataFrame) -> pl.DataFrame:
    """The sums whose distinct students are known, and what they did too.

    In a stream these come by two ways (`FollowDays`), one a moment before the other.
    """
    if table not in DISTINCT:
        return sums
    _, students = DISTINCT[table]
    if students not in sums.columns:
        return sums.clear()
    return drop_zeros(table, sums.filter(pl.col(students) > 0), besides=(students,))
