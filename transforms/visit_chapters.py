"""Which visits of chapters does a session hold, and how did they go?"""

import numpy as np
import polars as pl

from transforms import calendar
from transforms.catalogue import Catalogue
from transforms.divide import divide
from transforms.find_stays import ENDING, Stays, find_stays
from transforms.name_rows import uuids
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.slices import changes, first_known, firsts_of

COMPLETING = (*ENDING, "video_complete")
_READING = "reading"
_INHERITED = ("class_id", "subject_id", "device_type")


def visit_chapters(
    timeline: Timeline, catalogue: Catalogue, options: MetricOptions
) -> pl.DataFrame:
    """One row per chapter visit: silver's columns, times and durations in milliseconds."""
    intervals, points = find_stays(timeline, options)
    visits = pl.concat(
        [_describe(timeline, intervals, "interval"), _describe(timeline, points, "point")]
    )
    return _judge(visits, catalogue, options)


def _describe(timeline: Timeline, stays: Stays, kind: str) -> pl.DataFrame:
    events, sessions = timeline.events, timeline.sessions
    session = timeline.session[stays.first_row]
    session_of = sessions["session_id", "student_hash", "class_id", "subject_id", "device_type"][
        session
    ]
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


def _of_members(timeline: Timeline, stays: Stays) -> dict[str, pl.Series]:
    """Depth, completion, activity and traits over the events of each visit, in their order."""
    order = np.lexsort((stays.member_rows, stays.member_visits))
    rows = stays.member_rows[order]
    members = timeline.events[rows]
    if not len(rows):
        nothing = members.with_columns(activity_kind=pl.lit(_READING))
        return nothing["scroll_depth", "is_done", "activity_kind", *_INHERITED].to_dict()
    firsts = firsts_of(changes(stays.member_visits[order]))
    depth = np.maximum.reduceat(members["scroll_depth"].fill_null(-1.0).to_numpy(), firsts)
    is_done = members["event_type"].is_in(COMPLETING) | members["is_done"].fill_null(False)
    return {
        "scroll_depth": pl.Series(depth).set(pl.Series(depth < 0), None),
        "is_done": pl.Series(np.maximum.reduceat(is_done.to_numpy(), firsts)),
        "activity_kind": _activity_kinds(members["event_type"], firsts),
        **{name: first_known(members[name], firsts) for name in _INHERITED},
    }


def _activity_kinds(types: pl.Series, firsts: np.ndarray) -> pl.Series:
    """What each visit was spent on; a video goes before a quiz, a quiz before reading."""
    has = {
        kind: np.maximum.reduceat(types.str.starts_with(f"{kind}_").to_numpy(), firsts)
        for kind in ("video", "quiz")
    }
    return pl.Series(np.select(list(has.values()), list(has), _READING), dtype=pl.String)


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
    rate = pl.when("is_done").then(1.0).otherwise(divide(scroll, 100))
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
