"""Which incidents open and close as minutes of event time go by? Pure: facts and state in."""

import datetime
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import polars as pl

from transforms.alert_options import DAY_MS, MINUTE_MS, AlertRules, exact
from transforms.gather_facts import no_facts
from transforms.rate_videos import VideoWindow, empty_window, mean, move, ratios
from transforms.track_incidents import Incident, Reading, is_told, track

_LAST = {"student": pl.UInt64, "last_ms": pl.Int64}


@dataclass(frozen=True)
class AlertState:
    """What is known after the minute that ended at `judged_ms`; None before the first one.

    `students`: student, last_ms of everyone whose session may be open. `active`: active students
    by end of minute (0 where absent) since `first_ms`, for as many days as "usual" looks back.
    """

    first_ms: int | None = None
    judged_ms: int | None = None
    students: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_LAST))
    active: Mapping[int, int] = field(default_factory=dict)
    videos: VideoWindow = field(default_factory=empty_window)
    incidents: tuple[Incident, ...] = ()

    @property
    def is_awake(self) -> bool:
        """Whether a minute without any event could still change something."""
        return bool(self.students.height or self.videos.events.height or self.incidents)


def judge_until(
    state: AlertState, minutes: Mapping[int, pl.DataFrame], until_ms: int, rules: AlertRules
) -> tuple[AlertState, list[Incident]]:
    """All minutes up to the one that ends at `until_ms`, in order, the empty ones too.

    `minutes`: facts by end of minute; those of minutes judged before are left out, as they came too
    late. Returns the new state and the incidents as they were when they opened or closed.
    """
    changed: list[Incident] = []
    at = _next_minute(state, minutes, until_ms)
    while at is not None:
        state, found = judge_minute(state, minutes.get(at, no_facts()), at, rules)
        changed += found
        at = _next_minute(state, minutes, until_ms)
    return state, changed


def _next_minute(state: AlertState, minutes: Mapping[int, object], until_ms: int) -> int | None:
    """The next minute in which something can change; a long silence is stepped over."""
    judged = state.judged_ms
    if judged is not None and state.is_awake:
        return judged + MINUTE_MS if judged < until_ms else None
    ahead = (at for at in minutes if (judged is None or at > judged) and at <= until_ms)
    return min(ahead, default=None)


def judge_minute(
    state: AlertState, facts: pl.DataFrame, at_ms: int, rules: AlertRules
) -> tuple[AlertState, list[Incident]]:
    """The minute that ended at `at_ms`; the new state, and the incidents that opened or closed."""
    students = _students(state, facts, at_ms, rules)
    recent = students["last_ms"] >= at_ms - rules.alerts.active_minutes * MINUTE_MS
    active = int(recent.sum())
    oldest = at_ms - (rules.alerts.usual_days + 1) * DAY_MS
    counts = {at: count for at, count in state.active.items() if at >= oldest}
    moved = replace(
        state,
        first_ms=at_ms if state.first_ms is None else state.first_ms,
        judged_ms=at_ms,
        students=students,
        active={**counts, at_ms: active} if active else counts,
        videos=move(state.videos, facts, at_ms, rules),
    )
    return _track_all(moved, active, at_ms, rules)


def _students(
    state: AlertState, facts: pl.DataFrame, at_ms: int, rules: AlertRules
) -> pl.DataFrame:
    """The last activity of the students whose session is not over."""
    seen = facts.select("student", last_ms="ended_ms")
    last = pl.concat([state.students, seen]).group_by("student").agg(pl.col("last_ms").max())
    return last.filter(pl.col("last_ms") >= at_ms - rules.metrics.session_gap_ms)


def _track_all(
    state: AlertState, active: int, at_ms: int, rules: AlertRules
) -> tuple[AlertState, list[Incident]]:
    open_now = {i.kind: i for i in state.incidents if i.closed_ms is None}
    closed = [i for i in state.incidents if i.closed_ms is not None and is_told(i, at_ms)]
    recovery_ms = rules.alerts.recovery_minutes * MINUTE_MS
    kept, changed = closed, []
    for reading in _readings(state, active, at_ms, rules, open_now):
        before = open_now.get(reading.kind)
        after = track(before, reading, at_ms, recovery_ms)
        if after is None:
            continue
        kept.append(after)
        if before is None or after.closed_ms is not None:
            changed.append(after)
    return replace(state, incidents=tuple(kept)), changed


def _readings(
    state: AlertState,
    active: int,
    at_ms: int,
    rules: AlertRules,
    open_now: Mapping[str, Incident],
) -> Iterator[Reading]:
    fallen = open_now.get("active_students_drop")
    if fallen is None:
        yield read_drop(state, active, at_ms, rules)
    else:
        yield read_recovery(fallen, active, at_ms, rules)
    yield read_videos(ratios(state.videos, rules.metrics), rules)
    yield read_idle(active, state.students.height - active, rules)


def read_drop(state: AlertState, active: int, at_ms: int, rules: AlertRules) -> Reading:
    """Have active students fallen, against the most of the minutes before and what is usual?"""
    options = rules.alerts
    before = range(1, options.drop_minutes + 1)
    base = max((state.active.get(at_ms - n * MINUTE_MS, 0) for n in before), default=0)
    usual = _usual(state, at_ms, rules)
    is_usual = usual is not None and active >= exact(options.usual_share) * exact(usual)
    is_fall = (
        base >= options.drop_from_students and base - active >= exact(options.drop_share) * base
    )
    share = (base - active) / base if base else 0.0
    words = (
        f"Active students fell from {base} to {active} within {options.drop_minutes} minutes,"
        f" by {share:.0%} (limit {options.drop_share:.0%})."
    )
    if usual is not None:
        words += f" Usual at this time of day: {usual:g}."
    return Reading(
        "active_students_drop", is_fall and not is_usual, share, options.drop_share,
        share / options.drop_share, words, base,
    )  # fmt: skip


def read_recovery(fallen: Incident, active: int, at_ms: int, rules: AlertRules) -> Reading:
    """Are there as many active students again as before the fall, less the limit?

    After `new_level_minutes` the lower number is the new level: nobody waits for the next morning.
    """
    options = rules.alerts
    is_low = fallen.base - active >= exact(options.drop_share) * fallen.base
    is_new_level = at_ms - fallen.opened_ms >= options.new_level_minutes * MINUTE_MS
    words = f"{active} students active, {fallen.base} before the fall."
    if is_low and is_new_level:
        words += f" It stayed low for {options.new_level_minutes} minutes: the new level."
    return Reading(fallen.kind, is_low and not is_new_level, 0.0, options.drop_share, 0.0, words)


def _usual(state: AlertState, at_ms: int, rules: AlertRules) -> float | None:
    """Median of the active students at this time of day on past days; None of too few days."""
    zone = ZoneInfo(rules.metrics.reporting_timezone)
    now = datetime.datetime.fromtimestamp(at_ms // 1000, zone)
    days = range(1, rules.alerts.usual_days + 1)
    past = [int((now - datetime.timedelta(days=n)).timestamp()) * 1000 for n in days]
    first = at_ms if state.first_ms is None else state.first_ms
    counts = [state.active.get(at, 0) for at in past if at >= first]
    return statistics.median(counts) if len(counts) >= rules.alerts.usual_days_needed else None


def read_videos(watched: list[float], rules: AlertRules) -> Reading:
    """Do students play little of their videos?"""
    options = rules.alerts
    ratio = mean(watched)
    is_low = ratio is not None and ratio < options.video_ratio
    value = 0.0 if ratio is None else ratio
    told = "none" if ratio is None else f"{ratio:.0%}"
    words = (
        f"Views of the last {options.video_minutes} minutes: {len(watched)}, of their videos played"
        f" on average: {told} (limit {options.video_ratio:.0%})."
    )
    return Reading(
        "low_video_engagement", is_low and len(watched) >= options.video_views, value,
        options.video_ratio, options.video_ratio / value if value else float("inf"), words,
    )  # fmt: skip


def read_idle(active: int, idle: int, rules: AlertRules) -> Reading:
    """Are too many of those in a session doing nothing?"""
    options = rules.alerts
    total = active + idle
    is_many = idle >= options.idle_students and idle > exact(options.idle_share) * total
    share = idle / total if total else 0.0
    words = (
        f"{idle} of {total} students in a session did nothing for {options.active_minutes} minutes:"
        f" {share:.0%} (limit {options.idle_share:.0%})."
    )
    return Reading(
        "many_idle_students", is_many, share, options.idle_share, share / options.idle_share, words
    )
