"""What is going on right now? All live figures, from the live store, as of a moment.

The store keeps facts in event time; whatever depends on the clock is worked out here. "Now" is the
reader's clock, or the time of the newest event (`clock="event"`) where old data is replayed.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.live.groups import (
    Group,
    HeatCell,
    engagement,
    group_by_column,
    open_students,
    shares,
    sums,
)
from pipelines.live.keys import LAST_MS, LiveKeys
from pipelines.live.students import read_students
from transforms.describe_live import LATEST, MINUTE_MS, SEPARATOR

TREND_MINUTES = 10


@dataclass(frozen=True)
class LiveOptions:
    """`active_ms`, `gap_ms`: how old a last event may be of who is active, of an open session."""

    active_ms: int = 300_000
    gap_ms: int = 1_800_000
    top_count: int = 10
    clock: Literal["wall", "event"] = "wall"
    prefix: str = "cf:"


@dataclass(frozen=True)
class LatestEvent:
    """One of the newest events."""

    moment_ms: int
    event_id: str
    student_hash: str
    occurred_ms: int
    event_type: str
    event_name: str | None
    course_id: str | None
    chapter_id: str | None
    class_id: str | None
    device_type: str | None


@dataclass(frozen=True)
class SessionEvent:
    """The start of a session, or its end, which is known a session gap later."""

    moment_ms: int
    student_hash: str
    kind: Literal["started", "ended"]


@dataclass(frozen=True)
class LiveView:
    """All live figures as of `now_ms`. Groups and counts: the largest first."""

    now_ms: int
    newest_ms: int | None
    watermark_ms: int | None
    written_ms: int | None
    lag_ms: int | None
    active_count: int
    idle_count: int
    engagement: float | None
    trend: float | None
    events_per_minute: list[tuple[int, int]]
    classes: list[Group]
    chapters: list[Group]
    subjects: list[Group]
    heat: list[HeatCell]
    latest: list[LatestEvent]
    sessions: list[SessionEvent]
    devices: dict[str, int]
    browsers: dict[str, int]
    alerts: list[dict[str, Any]]
    alert_log: list[dict[str, Any]]


def read_live(redis: Any, now_ms: int, options: LiveOptions | None = None) -> LiveView:
    """The figures; `now_ms` is the clock, unused where options say that events tell the time.

    `redis`: a connection that answers in bytes. RedisError when the store cannot be read.
    """
    options = options or LiveOptions()
    keys = LiveKeys(options.prefix)
    pipeline = {name.decode(): int(value) for name, value in redis.hgetall(keys.pipeline).items()}
    now = pipeline.get("newest_ms", now_ms) if options.clock == "event" else now_ms
    found = _read(redis, keys, now, options)
    people = open_students(read_students(redis, sorted(found.hashes), keys), now, options.active_ms)
    active = people.filter("is_active")
    mean, trend = engagement(people)
    by_class = sums((cell.class_id, cell.event_count) for cell in found.heat)
    by_chapter = sums((cell.chapter_id, cell.event_count) for cell in found.heat)
    return LiveView(
        now_ms=now,
        newest_ms=pipeline.get("newest_ms"),
        watermark_ms=pipeline.get("watermark_ms"),
        written_ms=pipeline.get("written_ms"),
        lag_ms=pipeline.get("lag_ms"),
        active_count=active.height,
        idle_count=people.height - active.height,
        engagement=mean,
        trend=trend,
        events_per_minute=found.events_per_minute,
        classes=group_by_column(people, "class_id", by_class),
        chapters=group_by_column(people, "chapter_id", by_chapter)[: options.top_count],
        subjects=group_by_column(people, "subject_id", {})[: options.top_count],
        heat=found.heat,
        latest=found.latest,
        sessions=_sessions(pipeline.get("newest_ms", 0) - LAST_MS, *found.session_logs),
        devices=shares(active["device_type"]),
        browsers=shares(active["browser"]),
        alerts=found.alerts,
        alert_log=found.alert_log,
    )


@dataclass(frozen=True)
class _Found:
    """What does not depend on single students. `hashes`: of those in an open session."""

    hashes: list[bytes]
    session_logs: list[list[tuple[bytes, float]]]
    latest: list[LatestEvent]
    alerts: list[dict[str, Any]]
    alert_log: list[dict[str, Any]]
    events_per_minute: list[tuple[int, int]]
    heat: list[HeatCell]


def _read(redis: Any, keys: LiveKeys, now: int, options: LiveOptions) -> _Found:
    since = now - options.gap_ms
    minutes = [now // MINUTE_MS - ago for ago in range(TREND_MINUTES - 1, -1, -1)]
    batch = redis.pipeline(transaction=False)
    batch.zrangebyscore(keys.last, since, "+inf")
    batch.zrevrange(keys.started, 0, LATEST - 1, withscores=True)
    batch.zrevrange(keys.ended, 0, LATEST - 1, withscores=True)
    batch.zrevrangebyscore(keys.last, f"({since}", "-inf", 0, LATEST, withscores=True)
    batch.zrevrange(keys.latest, 0, LATEST - 1)
    batch.hgetall(keys.alerts_open)
    batch.lrange(keys.alerts_log, 0, -1)
    for minute in minutes:
        batch.hgetall(keys.minute(minute))
    hashes, started, ended, gone, latest, alerts, log, *counts = batch.execute()
    events = [int(found.get(b"events", 0)) for found in counts]
    return _Found(
        hashes=hashes,
        session_logs=[started, ended, gone],
        latest=[LatestEvent(*json.loads(event)) for event in latest],
        alerts=[json.loads(text) for _, text in sorted(alerts.items())],
        alert_log=[json.loads(text) for text in log],
        events_per_minute=[(minute * MINUTE_MS, n) for minute, n in zip(minutes, events)],
        heat=_heat(minutes, counts),
    )


def _heat(minutes: list[int], counts: list[dict[bytes, bytes]]) -> list[HeatCell]:
    cells = [
        HeatCell(minute * MINUTE_MS, *place.decode().split(SEPARATOR), int(count))  # type: ignore
        for minute, found in zip(minutes, counts)
        for place, count in found.items()
        if place != b"events"
    ]
    return sorted(cells, key=lambda cell: (cell.minute_ms, cell.class_id, cell.chapter_id))


def _sessions(since_ms: int, *logs: list[tuple[bytes, float]]) -> list[SessionEvent]:
    """The newest lines from `since_ms` on. Logs: sessions started, ended, ended as the last."""
    events = [
        SessionEvent(int(at), name.decode().partition(":")[0], "ended" if place else "started")
        for place, log in enumerate(logs)
        for name, at in log
        if at >= since_ms
    ]
    newest = sorted(events, key=lambda e: (-e.moment_ms, e.student_hash, e.kind))
    return newest[:LATEST]
