"""Which events of a session are one stay in a chapter? Interval stays, then runs of points."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.slices import (
    active_ms,
    changes,
    codes,
    firsts_of,
    lasts_of,
    running_max,
    slice_of_row,
)

JOINING = ("click", "scroll", "idle", "active", "other")
JOINING_PREFIXES = ("video_", "quiz_", "assignment_")
ENDING = ("lesson_complete", "course_complete")
NOWHERE = -1


@dataclass
class Stays:
    """Visits of one kind, and the events that belong to each (`member_*` are parallel)."""

    first_row: np.ndarray
    started: np.ndarray
    ended: np.ndarray
    active: np.ndarray
    member_rows: np.ndarray
    member_visits: np.ndarray


def find_stays(timeline: Timeline, options: MetricOptions) -> tuple[Stays, Stays]:
    """Interval stays and point stays."""
    places = _places(timeline.events)
    intervals, is_attached = _interval_stays(timeline, places, options)
    is_candidate = ~timeline.is_interval & ~is_attached
    return intervals, _point_stays(timeline, places, is_candidate, options)


def _places(events: pl.DataFrame) -> np.ndarray:
    """A number for each course and chapter; NOWHERE without a chapter."""
    if events["chapter_id"].null_count() == events.height:
        return np.full(events.height, NOWHERE)
    course, chapter = codes(events["course_id"]), codes(events["chapter_id"])
    return np.where(chapter < 0, NOWHERE, (course + 1) << 32 | chapter)


def _interval_stays(
    timeline: Timeline, places: np.ndarray, options: MetricOptions
) -> tuple[Stays, np.ndarray]:
    """Interval events of one chapter that touch or overlap, and which points attach to them."""
    rows = np.flatnonzero(timeline.is_interval & (places != NOWHERE))
    is_attached = np.zeros(timeline.size, bool)
    if not len(rows):
        return _no_stays(), is_attached
    rows = rows[np.lexsort((rows, places[rows], timeline.session[rows]))]
    start, end = timeline.start[rows], timeline.end[rows]
    is_new_place = changes(timeline.session[rows], places[rows])
    reach = running_max(end, firsts_of(is_new_place))
    firsts = firsts_of(is_new_place | np.append(True, start[1:] > reach[:-1]))
    started, ended = start[firsts], np.maximum.reduceat(end, firsts)
    stays = Stays(
        first_row=rows[firsts],
        started=started,
        ended=ended,
        active=np.minimum(ended - started, options.interval_cap_ms),
        member_rows=rows,
        member_visits=slice_of_row(firsts, len(rows)),
    )
    _attach(timeline, places, stays, is_attached)
    return stays, is_attached


def _attach(timeline: Timeline, places: np.ndarray, stays: Stays, is_attached: np.ndarray) -> None:
    """Give points inside an interval visit of their chapter to that visit."""
    rows = np.flatnonzero(~timeline.is_interval & (places != NOWHERE))
    visits = _sorted_by_time(timeline, places, stays.first_row, stays.started).with_columns(
        visit=pl.int_range(pl.len()), ended=pl.Series(stays.ended)
    )
    points = _sorted_by_time(timeline, places, rows, timeline.start[rows])
    found = points.sort("at").join_asof(
        visits.sort("at"), on="at", by=["session", "place"], check_sortedness=False
    )
    inside = found.filter(pl.col("at") <= pl.col("ended"))
    attached = inside["row"].to_numpy()
    is_attached[attached] = True
    stays.member_rows = np.append(stays.member_rows, attached)
    stays.member_visits = np.append(stays.member_visits, inside["visit"].to_numpy())


def _sorted_by_time(
    timeline: Timeline, places: np.ndarray, rows: np.ndarray, at: np.ndarray
) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": rows, "session": timeline.session[rows], "place": places[rows], "at": at}
    )


def _point_stays(
    timeline: Timeline, places: np.ndarray, is_candidate: np.ndarray, options: MetricOptions
) -> Stays:
    """Maximal runs of point events in one chapter, walked in order within each session."""
    rows = np.flatnonzero(is_candidate)
    if not len(rows):
        return _no_stays()
    session = timeline.session[rows]
    is_new, is_member = _runs(timeline, rows, session, places[rows])
    members = np.flatnonzero(is_member)
    if not len(members):
        return _no_stays()
    firsts = firsts_of(is_new[members])
    lasts = members[lasts_of(firsts, len(members))]
    start = timeline.start[rows]
    ended = _ends(timeline, rows, session, start, lasts, options)
    member_start = start[members]
    active = active_ms(
        member_start, member_start, firsts, options.idle_after_ms, options.interval_cap_ms
    )
    return Stays(
        first_row=rows[members[firsts]],
        started=start[members[firsts]],
        ended=ended,
        active=active + np.minimum(ended - start[lasts], options.idle_after_ms),
        member_rows=rows[members],
        member_visits=slice_of_row(firsts, len(members)),
    )


def _runs(
    timeline: Timeline, rows: np.ndarray, session: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Per point event: does a visit begin with it, and does it belong to one?

    An event with a chapter opens or continues a visit; one without joins, joins and ends, or ends
    the open one. What is open before an event is told by the last event that set it.
    """
    types = timeline.types.gather(rows)
    ends = types.is_in(ENDING).to_numpy()
    joins = _joining(types) | ends
    has_place = place != NOWHERE
    order = np.arange(len(rows))
    setter = np.maximum.accumulate(np.where(has_place | ~joins | ends, order, -1))
    before = np.append(-1, setter[:-1])
    is_open = (before >= 0) & (session[before] == session) & has_place[before]
    is_same = is_open & (place[before] == place)
    return has_place & ~is_same, has_place | (joins & is_open)


def _joining(types: pl.Series) -> np.ndarray:
    joins = types.is_in(JOINING)
    for prefix in JOINING_PREFIXES:
        joins |= types.str.starts_with(prefix)
    return joins.to_numpy()


def _ends(
    timeline: Timeline,
    rows: np.ndarray,
    session: np.ndarray,
    start: np.ndarray,
    lasts: np.ndarray,
    options: MetricOptions,
) -> np.ndarray:
    """A visit ends with the next point event of the session, else after its measured time."""
    following = np.minimum(lasts + 1, len(rows) - 1)
    has_next = (lasts + 1 < len(rows)) & (session[following] == session[lasts])
    measured = timeline.events["tail_ms"].gather(rows[lasts]).fill_null(0).to_numpy()
    tail = np.minimum(measured, options.idle_after_ms)
    return np.where(has_next, start[following], start[lasts] + tail)


def _no_stays() -> Stays:
    empty = np.zeros(0, np.int64)
    return Stays(empty, empty, empty, empty, empty, empty)
