"""What is odd about a visit or a session? One row per finding, explained in words."""

import numpy as np
import polars as pl

from transforms.divide import divide
from transforms.name_rows import uuids
from transforms.sessionize import Timeline

OVER_LONG_MS = 8 * 3_600_000
CLOCK_JUMP_MS = 300_000
DEVICE_OVERLAP_MS = 60_000

COLUMNS = {
    "kind": pl.String,
    "date": pl.Date,
    "student_hash": pl.String,
    "session_id": pl.String,
    "course_id": pl.String,
    "chapter_id": pl.String,
    "visit_id": pl.String,
    "value": pl.Float64,
    "expected": pl.Float64,
    "score": pl.Float64,
    "explanation": pl.String,
}
_NAMED_BY = ("kind", "date", "student_hash", "session_id", "course_id", "chapter_id", "visit_id")


def detect_anomalies(timeline: Timeline, visits: pl.DataFrame) -> pl.DataFrame:
    """Anomalies of the students' visits and sessions; columns of `gold.anomalies`."""
    sessions = timeline.sessions
    found = [
        _idle_visits(visits),
        _skim_visits(visits),
        _over_long(sessions),
        _clock_jumps(timeline),
        _overlapping_devices(timeline),
    ]
    return finish(pl.concat([align(frame) for frame in found]))


def finish(anomalies: pl.DataFrame) -> pl.DataFrame:
    """Name each anomaly after what it is about, and grade it by its score."""
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in _NAMED_BY]
    names = anomalies.select(pl.concat_str(parts, separator="|")).to_series()
    score = pl.col("score")
    severity = (
        pl.when(score < 1.5)
        .then(pl.lit("low"))
        .when(score < 3)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("high"))
    )
    return anomalies.with_columns(uuids(names).alias("anomaly_id"), severity=severity)


def align(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of an anomaly (COLUMNS) in their order and types; null where a frame has none."""
    known = frame.columns
    return frame.select(
        (pl.col(n) if n in known else pl.lit(None).alias(n)).cast(t) for n, t in COLUMNS.items()
    )


def _seconds(column: str) -> pl.Expr:
    return divide(pl.col(column), 1000)


def _told(column: str, unit_ms: int = 1000) -> pl.Expr:
    """Milliseconds as a number that reads well in a sentence."""
    return (pl.col(column) / unit_ms).round(1)


def _visits(visits: pl.DataFrame, kind: str, value: str, threshold: pl.Expr) -> pl.DataFrame:
    frame = visits.with_columns(
        kind=pl.lit(kind),
        date="visit_date",
        value=_seconds(value),
        expected=divide(threshold, 1000),
    )
    return frame.with_columns(score=pl.col("value") / pl.col("expected"))


def _idle_visits(visits: pl.DataFrame) -> pl.DataFrame:
    threshold = pl.col("idle_threshold_ms")
    of_points = pl.max_horizontal(threshold, pl.lit(1_800_000.0))
    threshold = pl.when(pl.col("kind") == "point").then(of_points).otherwise(threshold)
    idle = visits.filter("is_idle")
    words = pl.format(
        "The chapter was open for {} s, of which {} s were active: a tab left open.",
        _told("time_spent_ms"), _told("active_ms"),
    )  # fmt: skip
    frame = _visits(idle, "idle_visit", "time_spent_ms", threshold)
    return frame.with_columns(words.alias("explanation"))


def _skim_visits(visits: pl.DataFrame) -> pl.DataFrame:
    words = pl.format(
        "Scrolled {} % of the chapter in {} s of activity; {} s would be needed.",
        pl.col("scroll_depth").round(1), _told("active_ms"), _told("skim_threshold_ms"),
    )  # fmt: skip
    frame = _visits(
        visits.filter("is_skim"), "skim_visit", "active_ms", pl.col("skim_threshold_ms")
    )
    return frame.with_columns(words.alias("explanation"))


def _sessions(sessions: pl.DataFrame, kind: str, value: pl.Expr, expected: float) -> pl.DataFrame:
    frame = sessions.with_columns(
        kind=pl.lit(kind), date="session_date", value=value, expected=pl.lit(expected)
    )
    return frame.with_columns(score=pl.col("value") / pl.col("expected"))


def _over_long(sessions: pl.DataFrame) -> pl.DataFrame:
    is_long = (pl.col("session_duration_ms") > OVER_LONG_MS) | (
        pl.col("end_reason") == "max_length"
    )
    words = pl.format("The session lasted {} h.", _told("session_duration_ms", 3_600_000))
    frame = _sessions(
        sessions.filter(is_long), "over_long_session", _seconds("session_duration_ms"),
        OVER_LONG_MS / 1000,
    )  # fmt: skip
    return frame.with_columns(words.alias("explanation"))


def _clock_jumps(timeline: Timeline) -> pl.DataFrame:
    """Sessions with an event that happened well after it was received: the largest jump of each."""
    ahead = timeline.events["occurred_ms"] - timeline.events["received_ms"]
    is_jump = (ahead > CLOCK_JUMP_MS).fill_null(False)
    jumps = pl.DataFrame({"session": timeline.session, "ahead": ahead}).filter(is_jump)
    largest = jumps.group_by("session").agg(pl.col("ahead").max()).sort("session")
    sessions = timeline.sessions[largest["session"]].with_columns(largest["ahead"])
    words = pl.format(
        "An event happened {} s after it was received: the device's clock is wrong.",
        _told("ahead"),
    )
    frame = _sessions(sessions, "clock_jump", _seconds("ahead"), CLOCK_JUMP_MS / 1000)
    return frame.with_columns(words.alias("explanation"))


def _overlapping_devices(timeline: Timeline) -> pl.DataFrame:
    """Sessions in which three consecutive known devices are A, B, A within a minute."""
    known = timeline.events["device_type"].is_not_null().to_numpy()
    rows = np.flatnonzero(known)
    session, start = timeline.session[rows], timeline.start[rows]
    device = timeline.events["device_type"].gather(rows)
    is_back = (device == device.shift(2)) & (device != device.shift(1))
    is_near = (start - np.roll(start, 2) <= DEVICE_OVERLAP_MS) & (np.roll(session, 2) == session)
    is_triple = is_back.fill_null(False).to_numpy() & is_near
    counts = np.bincount(session[is_triple], minlength=len(timeline.firsts))
    chosen = np.flatnonzero(counts)
    sessions = timeline.sessions[chosen].with_columns(triples=pl.Series(counts[chosen]))
    words = pl.format(
        "The device changed and changed back within a minute, {} times: two devices at once.",
        "triples",
    )
    frame = _sessions(sessions, "overlapping_devices", pl.col("triples").cast(pl.Float64), 1.0)
    return frame.with_columns(words.alias("explanation"))
