"""How much of their videos did students play of late? Batch's own walk, over a moving window."""

import math
from dataclasses import dataclass, replace

import polars as pl

from schemas.canonical import COLUMNS
from transforms.alert_options import MINUTE_MS, AlertRules
from transforms.deduplicate import deduplicate
from transforms.gather_facts import no_facts
from transforms.options import MetricOptions
from transforms.sessionize import sessionize
from transforms.watch_videos import watch_videos

_STUDENT_BITS = 64


@dataclass(frozen=True)
class VideoWindow:
    """Facts of the last minutes from which views can be told, of a sample of the students.

    `events`: video events, and after each the student's next other event (which ends an open play).
    `halvings`: only students whose number lies below 2^(64 - halvings) are kept; 0 keeps all.
    """

    events: pl.DataFrame
    halvings: int = 0


def empty_window() -> VideoWindow:
    """No videos yet."""
    return VideoWindow(no_facts())


def move(window: VideoWindow, facts: pl.DataFrame, until_ms: int, rules: AlertRules) -> VideoWindow:
    """The window that ends at `until_ms`, with the facts of its last minute."""
    begin = until_ms - rules.alerts.video_minutes * MINUTE_MS
    events = pl.concat([window.events, facts]).filter(pl.col("ended_ms") >= begin)
    sampled = _sample(replace(window, events=events))
    kept = replace(sampled, events=_thin(sampled.events))
    while kept.events.height > rules.alerts.video_events_most:
        kept = _sample(replace(kept, halvings=kept.halvings + 1))
    if kept.halvings and kept.events.height < rules.alerts.video_events_most // 4:
        kept = replace(kept, halvings=kept.halvings - 1)
    return kept


def ratios(window: VideoWindow, options: MetricOptions) -> list[float]:
    """The known watch ratios of the window's views (student, video), in no order.

    What a student does within a window is one session: most of its events are not kept, so gaps
    and traits tell nothing.
    """
    if window.events["event_type"].null_count() == window.events.height:
        return []
    undivided = replace(options, split_on=(), session_gap_seconds=1e9, max_session_hours=1e6)
    timeline = sessionize(deduplicate(_canonical(window.events)), undivided)
    return watch_videos(timeline, options)["watch_ratio"].drop_nulls().to_list()


def mean(values: list[float]) -> float | None:
    """The mean, the same in whatever order; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def _thin(events: pl.DataFrame) -> pl.DataFrame:
    """Without the other events that do not directly follow a video event of their student.

    At the same millisecond the video event comes last: what follows it is strictly later.
    """
    is_video = pl.col("event_type").is_not_null()
    follows = is_video.shift() & (pl.col("student") == pl.col("student").shift())
    ordered = events.sort("student", "occurred_ms", is_video, "event_id", "fingerprint")
    return ordered.filter(is_video | follows.fill_null(False))


def _sample(window: VideoWindow) -> VideoWindow:
    if not window.halvings:
        return window
    below = pl.lit(1 << (_STUDENT_BITS - window.halvings), pl.UInt64)
    return replace(window, events=window.events.filter(pl.col("student") < below))


def _canonical(events: pl.DataFrame) -> pl.DataFrame:
    """Facts as canonical events: what follows a video event is an `other` without a name."""
    present = {
        "student_hash": pl.col("student").cast(pl.String),
        "event_id": pl.col("event_id").fill_null(""),
        "event_type": pl.col("event_type").fill_null("other"),
        "fingerprint": pl.col("fingerprint").fill_null(0),
        "ended_ms": pl.lit(None, pl.Int64),
    }
    columns = (
        present.get(name, pl.col(name) if name in events.columns else pl.lit(None, kind))
        .cast(kind)
        .alias(name)
        for name, kind in COLUMNS.items()
    )
    return events.select(columns)
