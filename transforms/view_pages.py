"""Which pages were viewed in a session, and for how long?"""

import numpy as np
import polars as pl

from transforms import calendar
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.slices import changes, lasts_of


def view_pages(timeline: Timeline, options: MetricOptions) -> pl.DataFrame:
    """One row per page view: silver's columns, times and durations in milliseconds."""
    is_view = timeline.types.is_in(["page_view", "chapter_view"]).to_numpy()
    rows = np.flatnonzero(is_view & ~timeline.is_interval)
    session = timeline.session[rows]
    is_entry = changes(session)
    is_exit = np.append(is_entry[1:], True)[: len(rows)]
    following = np.append(rows[1:], 0)[: len(rows)]
    until = np.where(is_exit, lasts_of(timeline.firsts, timeline.size)[session], following)
    activity = _activity(timeline, options.idle_after_ms)
    events = timeline.events[rows]
    return pl.DataFrame(
        {
            "session_id": timeline.sessions["session_id"].gather(session),
            **events["event_id", "student_hash", "page", "course_id", "chapter_id"].to_dict(),
            "viewed_ms": timeline.start[rows],
            "dwell_ms": timeline.start[until] - timeline.start[rows],
            "active_ms": activity[until] - activity[rows],
            "is_entry": is_entry,
            "is_exit": is_exit,
            "view_date": calendar.dates(events["occurred_ms"], options.reporting_timezone),
        }
    )


def _activity(timeline: Timeline, idle_ms: int) -> np.ndarray:
    """Running sum of the capped gaps between events; only differences within a session count."""
    gaps = np.diff(timeline.start, prepend=timeline.start[:1])
    return np.cumsum(np.clip(gaps, 0, idle_ms))
