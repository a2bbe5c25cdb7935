"""Which events are one session? Gaps of inactivity, splits on a trait, a maximum length."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from schemas.canonical import TRAITS
from schemas.vocabulary import END_REASONS
from transforms import calendar
from transforms.divide import divide
from transforms.name_rows import uuids
from transforms.options import MetricOptions
from transforms.slices import (
    active_ms,
    changes,
    first_known,
    firsts_of,
    lasts_of,
    running_max,
    slice_of_row,
)
from transforms.split_sessions import NO_BREAK, split_on_traits

NEW_STUDENT = len(END_REASONS)
"""Code of a break because another student begins; other codes index END_REASONS."""

_FIRST_KNOWN = (*TRAITS, "class_id", "subject_id")


@dataclass
class Timeline:
    """Events of many students, ordered by student, time and id, and the sessions they make.

    `start`, `end`: epoch milliseconds of each event (equal for a point). `session`: number of the
    session of each event. `firsts`: row of each session's first event.
    """

    events: pl.DataFrame
    student: np.ndarray
    start: np.ndarray
    end: np.ndarray
    is_interval: np.ndarray
    session: np.ndarray
    firsts: np.ndarray
    sessions: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.start)

    @property
    def types(self) -> pl.Series:
        """The events' types."""
        return self.events["event_type"]


def sessionize(events: pl.DataFrame, options: MetricOptions) -> Timeline:
    """Sessions of deduplicated events (see `deduplicate`); `events` must not be empty."""
    student = events["student"].to_numpy()
    start = events["occurred_ms"].to_numpy()
    is_interval = events["ended_ms"].is_not_null().to_numpy()
    end = events["ended_ms"].fill_null(events["occurred_ms"]).to_numpy()
    breaks = _find_breaks(events, student, start, end, options)
    firsts = firsts_of(breaks != NO_BREAK)
    session = slice_of_row(firsts, len(start))
    timeline = Timeline(events, student, start, end, is_interval, session, firsts)
    timeline.sessions = _describe(timeline, breaks, options)
    return timeline


def _find_breaks(
    events: pl.DataFrame,
    student: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    options: MetricOptions,
) -> np.ndarray:
    """Per event the reason why a session begins with it, NO_BREAK where none does."""
    is_new = changes(student)
    reach = running_max(end, firsts_of(is_new)) if (end != start).any() else start
    is_apart = np.append(False, start[1:] - reach[:-1] > options.session_gap_ms)
    breaks = np.where(is_new, NEW_STUDENT, np.where(is_apart, 0, NO_BREAK))
    if options.split_on:
        split_on_traits(events, start, end, breaks, options)
    _cut_long_sessions(start, end, breaks, options.max_session_ms)
    return breaks


def _cut_long_sessions(start: np.ndarray, end: np.ndarray, breaks: np.ndarray, max_ms: int) -> None:
    firsts = firsts_of(breaks != NO_BREAK)
    is_long = np.maximum.reduceat(end, firsts) - start[firsts] > max_ms
    if not is_long.any():
        return
    in_long = is_long[slice_of_row(firsts, len(start))]
    is_cut = in_long & changes(start // max_ms) & (breaks == NO_BREAK)
    breaks[is_cut] = END_REASONS.index("max_length")


def _describe(timeline: Timeline, breaks: np.ndarray, options: MetricOptions) -> pl.DataFrame:
    """One row per session: silver's columns, times and durations in milliseconds."""
    events, firsts = timeline.events, timeline.firsts
    lasts = lasts_of(firsts, timeline.size)
    session_start = timeline.start[firsts]
    session_end = np.maximum.reduceat(timeline.end, firsts)
    count = lasts - firsts + 1
    span = timeline.start[lasts] - session_start
    sessions = pl.DataFrame(
        {
            "student_hash": events["student_hash"].gather(firsts),
            "session_start_ms": session_start,
            "session_end_ms": session_end,
            "session_duration_ms": session_end - session_start,
            "active_ms": active_ms(
                timeline.start, timeline.end, firsts, options.idle_after_ms, options.interval_cap_ms
            ),
            "event_count": count,
            "gap_span_ms": span,
            "pages_visited": _distinct_pages(timeline),
            "end_reason": _end_reasons(breaks[firsts]),
            **{name: first_known(events[name], firsts) for name in _FIRST_KNOWN},
        }
    )
    return sessions.with_columns(
        _session_ids(sessions, events["event_id"].gather(firsts)),
        pl.when(pl.col("event_count") > 1)
        .then(divide(pl.col("gap_span_ms") / (pl.col("event_count") - 1), 1000))
        .alias("average_event_gap_seconds"),
        pl.col("device_type").is_in(["mobile", "tablet"]).alias("is_mobile"),
        calendar.dates(sessions["session_start_ms"], options.reporting_timezone).alias(
            "session_date"
        ),
    ).drop("gap_span_ms")


def _session_ids(sessions: pl.DataFrame, first_events: pl.Series) -> pl.Series:
    start = sessions["session_start_ms"].cast(pl.String)
    names = pl.concat_str([sessions["student_hash"], start, first_events], separator="|")
    return uuids(pl.select(names).to_series()).alias("session_id")


def _end_reasons(codes: np.ndarray) -> pl.Series:
    """A session ends for the reason for which the next one of the student begins."""
    following = np.append(codes[1:], NEW_STUDENT)
    following[following == NEW_STUDENT] = END_REASONS.index("inactivity")
    return pl.Series(np.array(END_REASONS, dtype=object)[following].tolist(), dtype=pl.String)


def _distinct_pages(timeline: Timeline) -> np.ndarray:
    pages = timeline.events["page"]
    visited = pl.DataFrame({"session": timeline.session, "page": pages}).drop_nulls().unique()
    return np.bincount(visited["session"].to_numpy(), minlength=len(timeline.firsts))
