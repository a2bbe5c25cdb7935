"""What should the live figures say, given all events and the time? One student at a time.

An event is a dict with the names of canonical events; it counts at its end if it has one, but at
most five minutes after its receipt and not before its start. Copies of an event (student, id and
times alike) count once.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MINUTE, ACTIVE, TREND, NEAR, FUTURE = 60_000, 300_000, 300_000, 600_000, 300_000
KEPT_MINUTES, KEPT_SESSIONS, DAY = 21, 8, 86_400_000
SHOWN = 20
FACTS = ("course_id", "chapter_id", "subject_id", "class_id", "device_type", "browser")


def live_view(events: list[dict], now: int, gap_ms: int = 1_800_000, timezone: str = "UTC") -> dict:
    """The figures as of `now`, epoch ms, by the names of the product's view."""
    events = [_as_received(event) for event in _distinct(events)]
    students = {
        student: _student(
            [e for e in events if e["student_hash"] == student], now, gap_ms, timezone
        )
        for student in {e["student_hash"] for e in events}
    }
    open_ones = {name: s for name, s in students.items() if now - s["last"] <= gap_ms}
    active = [s for s in open_ones.values() if s["is_active"]]
    counted = [e for e in events if _is_counted(e, events)]
    return {
        "active_count": len(active),
        "idle_count": len(open_ones) - len(active),
        **_engagement(list(open_ones.values())),
        "events_per_minute": _per_minute(counted, now),
        "classes": _groups(open_ones, "class_id", _in_trend(counted, now)),
        "chapters": _groups(open_ones, "chapter_id", _in_trend(counted, now))[:10],
        "subjects": _groups(open_ones, "subject_id", [])[:10],
        "heat": _heat(_in_trend(counted, now)),
        "latest": [
            (_moment(e), e["event_id"], e["student_hash"])
            for e in sorted(events, key=_place, reverse=True)[:SHOWN]
        ],
        "sessions": _session_log(students, now, gap_ms),
        "devices": _shares(active, "device_type"),
        "browsers": _shares(active, "browser"),
        "students": students,
    }


def _moment(event: dict) -> int:
    return event["occurred_ms"] if event["ended_ms"] is None else event["ended_ms"]


def _as_received(event: dict) -> dict:
    """The event without what lay ahead of its receipt."""
    end, received = event["ended_ms"], event["received_ms"]
    if end is None or received is None or end <= received + FUTURE:
        return event
    return event | {"ended_ms": max(event["occurred_ms"], received + FUTURE)}


def _place(event: dict) -> tuple[int, str, str, int]:
    return _moment(event), event["event_id"], event["student_hash"], event["occurred_ms"]


def _distinct(events: list[dict]) -> list[dict]:
    copies = {}
    for event in events:
        key = event["student_hash"], event["event_id"], event["occurred_ms"], event["ended_ms"]
        copies.setdefault(key, event)
    return list(copies.values())


def _student(events: list[dict], now: int, gap_ms: int, timezone: str) -> dict:
    newest = max(events, key=lambda e: (_moment(e), e["event_id"], e["event_type"]))
    sessions = _sessions(events, gap_ms)
    last = _moment(newest)
    facts = {name: _newest_known(events, name, 0) for name in FACTS}
    for name in ("course_id", "chapter_id", "subject_id"):
        facts[name] = _newest_known(events, name, sessions[-1][0])
    streak = _streak(events, timezone)
    earlier = [e for e in events if _moment(e) <= now - TREND]
    return {
        "last": last,
        "event_type": newest["event_type"],
        "event_name": newest["event_name"] or "",
        "session_start": sessions[-1][0],
        "streak_days": streak,
        "sessions": sessions,
        "is_active": now - last <= ACTIVE,
        "score": _score(events, sessions, now, streak),
        "score_before": _score(earlier, sessions, now - TREND, streak),
        **facts,
    }


def _newest_known(events: list[dict], name: str, since: int) -> str | None:
    known = [(_moment(e), e[name]) for e in events if e[name] is not None]
    at, value = max(known, default=(-1, None))
    return value if at >= since else None


def _sessions(events: list[dict], gap_ms: int) -> list[tuple[int, int]]:
    sessions: list[tuple[int, int]] = []
    for event in sorted(events, key=lambda e: e["occurred_ms"]):
        start, end = event["occurred_ms"], _moment(event)
        if sessions and start - sessions[-1][1] <= gap_ms:
            start, before = sessions.pop()
            end = max(end, before)
        sessions.append((start, end))
    return sessions


def _streak(events: list[dict], timezone: str) -> int:
    zone = ZoneInfo(timezone)
    moments = (datetime.fromtimestamp(e["occurred_ms"] / 1000, UTC) for e in events)
    days = {moment.astimezone(zone).date().toordinal() for moment in moments}
    length = 0
    while max(days) - length in days and length < 8:
        length += 1
    return length


def _score(events: list[dict], sessions: list[tuple[int, int]], at: int, streak: int):
    """None unless there was an event in the 5 minutes up to `at`."""
    last = max(map(_moment, events), default=None)
    if last is None or at - last > ACTIVE:
        return None
    near = [_weight(e["event_type"]) for e in events if _moment(e) >= at - NEAR]
    start = max(start for start, _ in sessions if start <= last)
    recency = 0.5 ** (max(at - last, 0) / 1000 / 120)
    parts = (
        0.35 * recency,
        0.35 * min(1, sum(near) / 20),
        0.20 * min(1, (last - start) / 60_000 / 30),
        0.10 * min(1, streak / 7),
    )
    return 100 * sum(parts)


def _weight(kind: str) -> float:
    family = kind.split("_")[0] + "_"
    weights = {"video_": 1.0, "quiz_": 0.8, "assignment_": 0.8}
    return weights.get(family, 0.5 if kind in ("page_view", "chapter_view") else 0.3)


def _mean(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None


def _engagement(students: list[dict]) -> dict:
    mean = _mean([s["score"] for s in students])
    before = _mean([s["score_before"] for s in students])
    trend = None if mean is None or before is None else mean - before
    return {"engagement": mean, "trend": trend}


def _is_counted(event: dict, events: list[dict]) -> bool:
    newest = max(map(_moment, events))
    return _moment(event) // MINUTE >= newest // MINUTE - KEPT_MINUTES


def _in_trend(events: list[dict], now: int) -> list[dict]:
    minutes = {now // MINUTE - ago for ago in range(10)}
    return [e for e in events if _moment(e) // MINUTE in minutes]


def _per_minute(events: list[dict], now: int) -> list[tuple[int, int]]:
    minutes = [now // MINUTE - ago for ago in range(9, -1, -1)]
    return [(m * MINUTE, sum(_moment(e) // MINUTE == m for e in events)) for m in minutes]


def _groups(students: dict[str, dict], column: str, events: list[dict]) -> list[dict]:
    if column == "subject_id":
        events = []
    names = {s[column] for s in students.values()} | {e[column] for e in events}
    groups = []
    for name in names - {None}:
        members = [s for s in students.values() if s[column] == name]
        active = sum(s["is_active"] for s in members)
        counts = {
            "active_count": active,
            "idle_count": len(members) - active,
            "event_count": sum(e[column] == name for e in events),
        }
        groups.append({"name": name, **counts, **_engagement(members)})
    return sorted(groups, key=lambda g: (-g["active_count"], -g["event_count"], g["name"]))


def _heat(events: list[dict]) -> list[tuple[int, str, str, int]]:
    cells: dict[tuple[int, str, str], int] = {}
    for event in events:
        minute = _moment(event) // MINUTE * MINUTE
        cell = minute, event["class_id"] or "", event["chapter_id"] or ""
        cells[cell] = cells.get(cell, 0) + 1
    return sorted((*cell, count) for cell, count in cells.items())


def _session_log(students: dict[str, dict], now: int, gap_ms: int) -> list[tuple[int, str, str]]:
    newest = max(student["last"] for student in students.values())
    lines = [
        line
        for name, student in students.items()
        for session in student["sessions"][-KEPT_SESSIONS:]
        for line in _session_lines(name, student, session, now - gap_ms)
    ]
    recent = [line for line in lines if line[0] >= newest - DAY]
    return sorted(recent, key=lambda line: (-line[0], line[1], line[2]))[:SHOWN]


def _session_lines(name: str, student: dict, session: tuple, open_since: int) -> list[tuple]:
    start, end = session
    is_ended = end != student["last"] or end < open_since
    return [(start, name, "started"), *([(end, name, "ended")] if is_ended else [])]


def _shares(students: list[dict], column: str) -> dict[str, int]:
    names = [s[column] or "unknown" for s in students]
    return {name: names.count(name) for name in names}
