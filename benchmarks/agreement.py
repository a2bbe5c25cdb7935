"""Do two engines give the same rows? Keys, texts, counts and times equal, doubles to 1e-9."""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

import polars as pl

RELATIVE = 1e-9
# By table: the columns its rows are recognised by, and the figures that have to agree.
KEYS = {
    "sessions": ("student", "session_start"),
    "chapter_visits": ("student", "started_at", "course_id", "chapter_id"),
    "video_views": ("student", "started_at", "video_id"),
    "question_attempts": ("student", "attempted_at", "event_id"),
    "session_daily_stats": ("date", "student"),
    "student_daily_activity": ("date", "student"),
    "chapter_engagement": ("date", "course_id", "chapter_id"),
    "chapter_hourly_activity": ("date", "hour", "course_id", "chapter_id", "class_id"),
    "question_attempts_summary": ("date", "quiz_id", "question_id"),
    "platform_daily": ("date",),
    "device_daily": ("date", "device_type"),
}
FIGURES = {
    "sessions": (
        "session_end", "session_duration_seconds", "active_seconds", "event_count",
        "pages_visited", "average_event_gap_seconds", "device_type", "is_mobile", "end_reason",
        "session_date",
    ),
    "chapter_visits": (
        "ended_at", "time_spent_seconds", "active_seconds", "scroll_depth", "completion_rate",
        "is_completed", "is_drop_off", "is_idle", "is_skim", "device_type", "visit_date",
    ),
    "video_views": (
        "course_id", "chapter_id", "watched_seconds", "unique_watched_seconds",
        "video_duration_seconds", "watch_ratio", "rewatched_seconds", "average_playback_rate",
        "seeks_count", "pauses_count", "is_completed", "furthest_position_seconds", "view_date",
    ),
    "question_attempts": (
        "quiz_id", "question_id", "is_correct", "score", "time_spent_seconds", "selected_option",
        "attempt_date",
    ),
    "session_daily_stats": (
        "total_sessions", "total_time_spent_seconds", "average_session_duration_seconds",
        "longest_session_seconds", "shortest_session_seconds",
    ),
    "student_daily_activity": (
        "total_sessions", "total_time_spent_seconds", "active_seconds", "pages_viewed",
        "quizzes_attempted", "videos_watched_seconds", "assignments_submitted", "engagement_score",
    ),
    "chapter_engagement": (
        "total_time_spent_seconds", "average_time_per_visit_seconds",
        "median_time_per_visit_seconds", "p25_time_per_visit_seconds",
        "p75_time_per_visit_seconds", "p90_time_per_visit_seconds", "unique_students",
        "visits_count", "average_scroll_depth", "drop_off_rate", "completion_rate",
    ),
    "chapter_hourly_activity": ("time_spent_seconds", "visits_count", "active_students"),
    "question_attempts_summary": (
        "attempts_count", "correct_count", "average_time_spent_seconds", "difficulty_estimate",
    ),
    "platform_daily": (
        "active_students", "events_count", "sessions_count", "total_time_spent_seconds",
        "enrolments_count", "completions_count",
    ),
    "device_daily": ("sessions_count", "active_students", "total_time_spent_seconds"),
}  # fmt: skip
SILVER = ("sessions", "chapter_visits", "video_views", "question_attempts")


def hash_students(student_ids: Iterable[str], key: str) -> dict[str, str]:
    """Student id -> the hash that the product stores under that key."""
    return {
        student: hmac.new(key.encode(), student.encode(), hashlib.sha256).hexdigest()
        for student in student_ids
    }


def read_rival(folder: Path, table: str) -> pl.DataFrame:
    """Rows that DuckDB or Spark wrote, with their partition column."""
    place = folder / ("silver" if table in SILVER else "gold") / table
    return normalise(pl.read_parquet(f"{place}/*/*.parquet", hive_partitioning=True), table)


def read_delta(warehouse: Path, table: str) -> pl.DataFrame:
    """Rows of a local warehouse."""
    # Only a comparison with the product needs it.
    from deltalake import DeltaTable

    place = warehouse / ("silver" if table in SILVER else "gold") / table
    dataset = DeltaTable(str(place)).to_pyarrow_dataset()
    wanted = {*KEYS[table], *FIGURES[table], "student_hash", "student_id"}
    columns = [name for name in dataset.schema.names if name in wanted]
    return normalise(pl.DataFrame(dataset.to_table(columns=columns)), table)


def normalise(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """The columns to compare, in one order and of like types: times as epoch milliseconds."""
    student = next((name for name in ("student_hash", "student_id") if name in rows.columns), None)
    rows = rows.rename({student: "student"} if student else {})
    return rows.select(_plain(rows.schema[name], name) for name in (*KEYS[table], *FIGURES[table]))


def _plain(kind: pl.DataType, name: str) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return column.dt.epoch("ms")
    if kind.is_integer():
        return column.cast(pl.Int64)
    if kind.is_decimal() or kind == pl.Float32:
        return column.cast(pl.Float64)
    return column.cast(pl.String) if kind in (pl.Null, pl.Categorical) else column


def differences(left: pl.DataFrame, right: pl.DataFrame, table: str) -> list[str]:
    """What differs between the rows of two engines, in words; empty when they agree."""
    if len(left) != len(right):
        return [f"{table}: {len(left)} rows against {len(right)}"]
    # Keys first; where they are equal (rare) the figures decide.
    order = [*KEYS[table], *FIGURES[table]]
    left, right = (rows.sort(order, nulls_last=True) for rows in (left, right))
    checks = ((name, _unequal(left[name], right[name])) for name in order)
    return [
        f"{table}.{name}: {count} rows differ, {_example(left[name], right[name])}"
        for name, count in checks
        if count
    ]


def _unequal(left: pl.Series, right: pl.Series) -> int:
    return int(_mask(left, right).sum())


def _mask(left: pl.Series, right: pl.Series) -> pl.Series:
    if pl.Float64 in (left.dtype, right.dtype):
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
        limit = RELATIVE * pl.Series(
            pl.select(pl.max_horizontal(left.abs(), right.abs()))
        ).fill_null(0)
        is_far = ((left - right).abs() > limit).fill_null(False)
        return is_far | (left.is_null() != right.is_null())
    return left.ne_missing(right)


def _example(left: pl.Series, right: pl.Series) -> str:
    place = _mask(left, right).arg_max()
    return f"such as {left[place]!r} against {right[place]!r} at row {place}"
