"""Which stays in a chapter does a session hold? Interval visits, then runs of point events."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms import calendar
from transforms.catalogue import Catalogue
from transforms.name_rows import uuids
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.slices import (
    active_ms,
    changes,
    first_known,
    firsts_of,
    lasts_of,
    running_max,
    slice_of_row,
)

JOINING = ("click", "scroll", "idle", "active", "other")
JOINING_PREFIXES = ("video_", "quiz_", "assignment_")
ENDING = ("lesson_complete", "course_complete")
COMPLETING = (*ENDING, "video_complete")
NOWHERE = -1


@dataclass
class _Stays:
    """Visits of one kind, and the events that belong to each (`member_*` are parallel)."""

    first_row: np.ndarray
    started: np.ndarray
    ended: np.ndarray
    active: np.ndarray
    member_rows: np.ndarray
    member_visits: np.ndarray


def visit_chapters(
    timeline: Timeline, catalogue: Catalogue, options: MetricOptions
) -> pl.DataFrame:
    """One row per chapter visit: silver's columns, times and durations in milliseconds."""
    places = _places(timeline.events)
    intervals, is_attached = _interval_visits(timeline, places, options)
    points = _point_visits(timeline, places, ~timeline.is_interval & ~is_attached, options)
    visits = pl.concat(
        [_describe(timeline, intervals, "interval"), _describe(timeline, points, "point")]
    )
    return _judge(visits, catalogue, options)


def _places(events: pl.DataFrame) -> np.ndarray:
    """A number for each course and chapter; NOWHERE without a chapter."""
    if events["chapter_id"].null_count() == events.height:
        return np.full(events.height, NOWHERE)
    course, chapter = (
        events[name].cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        for name in ("course_id", "chapter_id")
    )
    return np.where(chapter < 0, NOWHERE, (course + 1) << 32 | chapter)


def _interval_visits(
    timeline: Timeline, places: np.ndarray, options: MetricOptions
) -> tuple[_Stays, np.ndarray]:
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
    stays = _Stays(
        first_row=rows[firsts],
        started=started,
        ended=ended,
        active=np.minimum(ended - started, options.interval_cap_ms),
        member_rows=rows,
        member_visits=slice_of_row(firsts, len(rows)),
    )
    _attach(timeline, places, stays, is_attached)
    return stays, is_attached


def _attach(timeline: Timeline, places: np.ndarray, stays: _Stays, is_attached: np.ndarray) -> None:
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


def _point_visits(
    timeline: Timeline, places: np.ndarray, is_candidate: np.ndarray, options: MetricOptions
) -> _Stays:
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
    return _Stays(
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


def _no_stays() -> _Stays:
    empty = np.zeros(0, np.int64)
    return _Stays(empty, empty, empty, empty, empty, empty)


def _describe(timeline: Timeline, stays: _Stays, kind: str) -> pl.DataFrame:
    events, sessions = timeline.events, timeline.sessions
    session = timeline.session[stays.first_row]
    session_of = sessions[
        "session_id", "student", "student_hash", "class_id", "subject_id", "device_type"
    ][session]
    first = events["event_id", "course_id", "chapter_id"][stays.first_row]
    visits = pl.DataFrame(
        {
            **session_of.rename({n: f"session_{n}" for n in _INHERITED}).to_dict(),
            **first.to_dict(),
            "session": session,
            "started_ms": stays.started,
            "ended_ms": stays.ended,
            "time_spent_ms": stays.ended - stays.started,
            "active_ms": stays.active,
            **_of_members(timeline, stays),
        }
    ).with_columns(kind=pl.lit(kind))
    inherited = [pl.coalesce(name, f"session_{name}").alias(name) for name in _INHERITED]
    return visits.with_columns(_visit_ids(visits), *inherited).drop(
        "event_id", *(f"session_{name}" for name in _INHERITED)
    )


_INHERITED = ("class_id", "subject_id", "device_type")


def _of_members(timeline: Timeline, stays: _Stays) -> dict[str, pl.Series]:
    """Depth, completion and traits over the events of each visit, in their order."""
    order = np.lexsort((stays.member_rows, stays.member_visits))
    rows = stays.member_rows[order]
    members = timeline.events[rows]
    if not len(rows):
        return members["scroll_depth", "is_done", *_INHERITED].to_dict()
    firsts = firsts_of(changes(stays.member_visits[order]))
    depth = np.maximum.reduceat(members["scroll_depth"].fill_null(-1.0).to_numpy(), firsts)
    is_done = members["event_type"].is_in(COMPLETING) | members["is_done"].fill_null(False)
    return {
        "scroll_depth": pl.Series(depth).set(pl.Series(depth < 0), None),
        "is_done": pl.Series(np.maximum.reduceat(is_done.to_numpy(), firsts)),
        **{name: first_known(members[name], firsts) for name in _INHERITED},
    }


def _visit_ids(visits: pl.DataFrame) -> pl.Series:
    parts = [
        "session_id", pl.col("course_id").fill_null(""), "chapter_id",
        pl.col("started_ms").cast(pl.String), "kind", "event_id",
    ]  # fmt: skip
    return uuids(visits.select(pl.concat_str(parts, separator="|")).to_series()).alias("visit_id")


def _judge(visits: pl.DataFrame, catalogue: Catalogue, options: MetricOptions) -> pl.DataFrame:
    """Completion, drop-off, idling and skimming; `*_threshold_ms` is what a flag compares with."""
    visits = visits.join(
        catalogue.expected, ["course_id", "chapter_id"], "left",
        nulls_equal=True, maintain_order="left",
    )  # fmt: skip
    scroll, active, spent = pl.col("scroll_depth"), pl.col("active_ms"), pl.col("time_spent_ms")
    expected = pl.col("expected_ms")
    is_interval = pl.col("kind") == "interval"
    cap = pl.max_horizontal(pl.lit(float(options.interval_cap_ms)), expected)
    idle = pl.when(is_interval).then(2 * cap).otherwise(3.0 * active)
    skim = pl.max_horizontal(pl.lit(float(options.skim_ms)), 0.2 * expected)
    rate = pl.when("is_done").then(1.0).otherwise(scroll / 100)
    visits = visits.with_columns(
        completion_rate=rate, idle_threshold_ms=idle, skim_threshold_ms=skim
    )
    is_long = is_interval | (spent >= 30 * 60_000)
    return visits.with_columns(
        is_completed=pl.col("completion_rate") >= 0.9,
        is_drop_off=pl.when(scroll.is_not_null()).then(
            (scroll < 50) & (pl.col("completion_rate") < 0.9)
        ),
        is_idle=(spent > pl.col("idle_threshold_ms")) & is_long,
        is_skim=((scroll >= 80) & (active < pl.col("skim_threshold_ms"))).fill_null(False),
        visit_date=calendar.dates(visits["started_ms"], options.reporting_timezone),
    )
