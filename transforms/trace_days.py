"""What do sessions leave on their student's days? Whole numbers that add up over sessions.

A student counts once in a chapter's day however many sessions it came there in, and the row of its
day is made of all of them. Traces are all that has to be known of the other sessions for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from transforms import calendar
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.sum_up import Frames

STUDENT_DAY = ("date", "student_hash")


@dataclass(frozen=True)
class Trace:
    """A kind of trace: one row per date, student and `keys`; `sums` are whole numbers."""

    keys: Mapping[str, pl.DataType]
    sums: tuple[str, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Columns of a frame of such traces."""
        day = {"date": pl.Date(), "student_hash": pl.String()}
        return {**day, **self.keys, **dict.fromkeys(self.sums, pl.Int64())}


_CHAPTER = {"course_id": pl.String(), "chapter_id": pl.String()}
_DAY = (
    "events_count", "pages_viewed", "assignments_submitted", "tenths", "active_ms",
    "videos_watched_ms",
)  # fmt: skip

TRACES = {
    "days": Trace({}, _DAY),
    "sessions": Trace({"session_duration_ms": pl.Int64()}, ("sessions_count",)),
    "devices": Trace({"device_type": pl.String()}, ("sessions_count",)),
    "places": Trace({"country_code": pl.String(), "region": pl.String()}, ("sessions_count",)),
    "chapters": Trace(_CHAPTER, ("visits_count",)),
    "hours": Trace(
        {"hour": pl.Int64(), **_CHAPTER, "class_id": pl.String()}, ("visits_count",)
    ),
    "videos": Trace({"course_id": pl.String(), "video_id": pl.String()}, ("views_count",)),
    "quizzes": Trace({"quiz_id": pl.String()}, ("events_count",)),
}  # fmt: skip


def trace_days(
    timeline: Timeline,
    visits: pl.DataFrame,
    hours: pl.DataFrame,
    videos: pl.DataFrame,
    options: MetricOptions,
) -> Frames:
    """Frames of TRACES of whole sessions of many students; `hours`: of `cut_hours`."""
    dates = calendar.dates(timeline.events["occurred_ms"], options.reporting_timezone)
    events = timeline.events.select("student_hash", "event_type", "quiz_id", date=dates)
    sessions = timeline.sessions.rename({"session_date": "date"})
    of_quizzes = pl.col("event_type").str.starts_with("quiz_") & pl.col("quiz_id").is_not_null()
    traced = {
        "sessions": sessions,
        "devices": sessions,
        "places": sessions,
        "chapters": visits.rename({"visit_date": "date"}),
        "hours": hours,
        "videos": videos.rename({"view_date": "date"}),
        "quizzes": events.filter(of_quizzes),
    }
    counted = {name: _count(name, frame) for name, frame in traced.items()}
    return {"days": _days(events, sessions, traced["videos"]), **counted}


def _count(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    trace = TRACES[name]
    (count,) = trace.sums
    return rows.group_by(*STUDENT_DAY, *trace.keys).agg(pl.len().cast(pl.Int64).alias(count))


def _days(events: pl.DataFrame, sessions: pl.DataFrame, videos: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("event_type")
    is_page = kind.is_in(["page_view", "chapter_view"])
    parts = [
        events.group_by(STUDENT_DAY).agg(
            events_count=pl.len().cast(pl.Int64),
            pages_viewed=is_page.sum().cast(pl.Int64),
            assignments_submitted=(kind == "assignment_submit").sum().cast(pl.Int64),
            tenths=event_tenths().sum(),
        ),
        sessions.select(*STUDENT_DAY, "active_ms"),
        videos.select(*STUDENT_DAY, videos_watched_ms="watched_ms"),
    ]
    return pl.concat(parts, how="diagonal").group_by(STUDENT_DAY).agg(pl.col(_DAY).sum())


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
