"""What does a school send that calms down, stirs and stops? Records for tests of live alerts."""

import json
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import polars as pl

from tests.in_memory import Plan, run
from transforms.alert_options import DAY_MS, MINUTE_MS, AlertRules
from transforms.gather_facts import gather_facts, needed
from transforms.judge_minutes import AlertState, judge_until
from transforms.track_incidents import Incident

BEGIN_MS = 1_772_359_200_000
"""2026-03-01T10:00:00Z."""
_VIDEO_TYPES = ("video_play", "video_progress", "video_progress", "video_pause", "video_seek")


def clicks(students: Iterable[int], minute: float, apart_ms: int = 7) -> list[bytes]:
    """One click of each student, from `minute` minutes after the beginning on."""
    begin = BEGIN_MS + round(minute * MINUTE_MS)
    return [_record(s, begin + s * apart_ms, "click") for s in students]


def views(students: Iterable[int], minute: int, watched_seconds: float) -> list[bytes]:
    """Each student plays that much of a video of 20 s, within the minute."""
    begin = BEGIN_MS + minute * MINUTE_MS
    ends = begin + round(watched_seconds * 1000) + 1
    sent = []
    for student in students:
        video = {"video_id": f"v{student % 3}", "video_duration": 20}
        sent.append(_record(student, begin, "video_play", {**video, "current_time": 0}))
        end = {**video, "current_time": watched_seconds}
        sent.append(_record(student, ends, "video_pause", end))
    return sent


def lively(chance: Random) -> list[bytes]:
    """Half a day of phases: how many students act, how often, and whether they watch videos."""
    sent: list[bytes] = []
    minute = 0
    for _ in range(chance.randrange(2, 7)):
        length, students = chance.randrange(1, 25), chance.choice((0, 1, 5, 6, 8, 11, 14))
        rest, video = chance.choice((0, 0.3, 0.7)), chance.choice((0, 0.2, 0.8))
        for at in range(minute, minute + length):
            awake = [s for s in range(students) if chance.random() >= rest]
            for student in awake:
                sent += _moments(chance, student, at, video)
        minute += length + chance.choice((0, 0, 2, 40))
    return sent


def later(records: Iterable[bytes], days: int) -> Iterator[bytes]:
    """The same records some days of 24 hours later."""
    for record in records:
        told = json.loads(record)
        for name in told.keys() & {"timestamp", "start_time", "end_time"}:
            told[name] += days * DAY_MS
        yield json.dumps(told).encode()


def _moments(chance: Random, student: int, minute: int, video: float) -> Iterator[bytes]:
    begin = BEGIN_MS + minute * MINUTE_MS
    for _ in range(chance.randrange(1, 4)):
        at = begin + chance.choice((0, 1, 59_999, chance.randrange(MINUTE_MS)))
        if chance.random() < video:
            yield _record(student, at, chance.choice(_VIDEO_TYPES), _video(chance))
        elif chance.random() < 0.1:
            yield interval(student, at - chance.randrange(20 * MINUTE_MS), at)
        else:
            yield _record(student, at, "page_view")


def _video(chance: Random) -> dict[str, object]:
    length = chance.choice((30, 60, 600, None))
    told = {"video_id": chance.choice(("v1", "v2")), "playback_rate": chance.choice((None, 1, 2))}
    return {**told, "video_duration": length, "current_time": chance.choice((None, 0, 5, 25, 40))}


def _record(student: int, at: int, kind: str, details: dict | None = None) -> bytes:
    told = {k: v for k, v in (details or {}).items() if v is not None}
    event = {"student_id": f"s{student}", "timestamp": at, "event_type": kind, "metadata": told}
    return json.dumps({**event, **{k: told[k] for k in ("video_id",) if k in told}}).encode()


def interval(student: int, start: int, end: int) -> bytes:
    """A student's visit to a chapter, from and to epoch ms."""
    return json.dumps({
        "event_id": f"i{student}-{start}", "student_id": f"s{student}", "chapter_id": "c1",
        "course_id": "k1", "start_time": start, "end_time": end,
    }).encode()  # fmt: skip


def frames(records: Sequence[bytes], blocks: int = 1) -> list[pl.DataFrame]:
    """Canonical events of the records, parsed as a stream parses them, a frame per block."""
    size = max(1, -(-len(records) // blocks))
    parts = (records[place : place + size] for place in range(0, len(records), size))
    return [events for part in parts if not (events := run(part, Plan()).events).is_empty()]


def facts_of(bundles: Iterable[Sequence[pl.DataFrame]]) -> dict[int, pl.DataFrame]:
    """Facts by end of minute, of frames that came in bundles."""
    found: dict[int, list[pl.DataFrame]] = {}
    for bundle in bundles:
        for end_ms, facts in gather_facts([needed(frame) for frame in bundle]):
            found.setdefault(end_ms, []).append(facts)
    return {end_ms: pl.concat(parts) for end_ms, parts in found.items()}


def incidents(
    records: Sequence[bytes], until_ms: int, rules: AlertRules, blocks: int = 1
) -> list[Incident]:
    """What opened and closed, in order."""
    minutes = facts_of([frame] for frame in frames(records, blocks))
    return judge_until(AlertState(), minutes, until_ms, rules)[1]
