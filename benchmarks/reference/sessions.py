"""Which events of a student belong together, and how long was the student active?"""

import uuid
from collections.abc import Iterable
from itertools import pairwise

from benchmarks.reference.options import Options

SPLIT_VALUES = (("device", "device_type"), ("browser", "browser"), ("network", "network_type"))


def first_known(events: Iterable[dict], column: str) -> object:
    """The first value of the column that is not null, in the order of the events."""
    return next((event[column] for event in events if event[column] is not None), None)


def merge_segments(segments: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Segments that overlap or touch become one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(segments):
        if merged and start <= merged[-1][1]:
            start, end = merged[-1][0], max(merged.pop()[1], end)
        merged.append((start, end))
    return merged


def active_ms(events: Iterable[dict], options: Options) -> int:
    """Merged segments, each capped, plus the gaps between them, each capped."""
    merged = merge_segments((event["start"], event["end"]) for event in events)
    lengths = sum(min(end - start, options.cap_ms) for start, end in merged)
    gaps = (right[0] - left[1] for left, right in pairwise(merged))
    return lengths + sum(min(gap, options.idle_ms) for gap in gaps)


def sessions_of_student(events: list[dict], options: Options) -> list[dict]:
    """The sessions of one student's events, which are ordered by (start, event_id)."""
    runs: list[tuple[list[dict], str]] = []
    current: list[dict] = []
    for event in events:
        reason = _split_reason(current, event, options) if current else None
        if reason:
            runs.append((current, reason))
            current = []
        current.append(event)
    runs.append((current, "inactivity"))
    pieces = [piece for run, reason in runs for piece in _cut_long(run, reason, options)]
    return [_session(piece, reason, options) for piece, reason in pieces]


def _split_reason(current: list[dict], event: dict, options: Options) -> str | None:
    """Why the event does not belong to the current session; None if it does."""
    if event["start"] - max(earlier["end"] for earlier in current) > options.gap_ms:
        return "inactivity"
    if "login" in options.split_on and event["event_type"] == "login":
        return "login"
    for name, column in SPLIT_VALUES:
        if name in options.split_on and _differs(current, event, column):
            return name
    return None


def _differs(current: list[dict], event: dict, column: str) -> bool:
    latest = first_known(reversed(current), column)
    return None not in (latest, event[column]) and latest != event[column]


def _cut_long(run: list[dict], reason: str, options: Options) -> list[tuple[list[dict], str]]:
    """A run longer than the maximum, cut where neighbours lie in different cells of its grid."""
    longest = options.max_session_ms
    if max(event["end"] for event in run) - run[0]["start"] <= longest:
        return [(run, reason)]
    cells: dict[int, list[dict]] = {}
    for event in run:
        cells.setdefault(event["start"] // longest, []).append(event)
    *cut, last = cells.values()
    return [(piece, "max_length") for piece in cut] + [(last, reason)]


def _session(events: list[dict], reason: str, options: Options) -> dict:
    start, end = events[0]["start"], max(event["end"] for event in events)
    student = events[0]["student_hash"]
    name = f"{student}|{start}|{events[0]['event_id']}"
    return {
        "events": events,
        "session_id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        "student_hash": student,
        "start": start,
        "end": end,
        "active": active_ms(events, options),
        "end_reason": reason,
    }


def flag_conflicts(session: dict) -> None:
    """Flags the events of a session whose id occurs in it at another time too."""
    counts: dict[str, int] = {}
    for event in session["events"]:
        counts[event["event_id"]] = counts.get(event["event_id"], 0) + 1
    for event in session["events"]:
        event["is_id_conflict"] = counts[event["event_id"]] > 1
        event["session_id"] = session["session_id"]
