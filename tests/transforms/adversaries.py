"""What would a student do to break the arithmetic? Hypothesis strategies of records.

Hypothesis draws a seed only: its own draws crowd around few values, and videos that are really
watched or questions that are answered would hardly occur.

Few ids, so that they collide; times to the millisecond around every bound of the metrics; every
dialect; values of types that no client should send.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.in_memory import Plan

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_BOUNDS = (0, 1000, 10_000, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR)
STEPS = [*sorted({max(0, b + d) for b in _BOUNDS for d in (-1, 0, 1)}), 7, 45_250]
LEAPS = (8 * _HOUR, 8 * _HOUR + 1, _DAY - 1, _DAY, _DAY + 1)
LENGTHS = (*STEPS, 90 * _MINUTE, _DAY - 1, _DAY)
BASES = tuple(
    int(datetime.fromisoformat(text).timestamp() * 1000)
    for text in (
        "2025-11-16T23:59:59.999Z", "2025-11-16T00:00:00Z", "2025-11-02T05:30:00Z",
        "2025-03-09T06:45:00Z", "2025-10-04T15:29:59.500Z", "2025-12-31T18:29:59.999Z",
    )
)  # fmt: skip

CATALOG: tuple[Mapping[str, Any], ...] = (
    {"course_id": "k1", "chapter_id": "c1", "expected_minutes": 1, "lesson_ids": "l1; l2"},
    {"course_id": "k1", "chapter_id": "c2", "expected_minutes": 0.5},
    {"course_id": "k2", "chapter_id": "c1", "expected_minutes": 600, "lesson_ids": "l2"},
    {"course_id": "k2", "chapter_id": "c3", "expected_minutes": None, "lesson_ids": "l3"},
)
QUESTIONS: tuple[Mapping[str, Any], ...] = (
    {"quiz_id": "q1", "question_id": "1", "correct_option": "A"},
    {"quiz_id": "q1", "question_id": "2", "correct_option": ""},
    {"quiz_id": "q2", "question_id": "1", "correct_option": "2"},
)

_TYPES = (
    "page_view", "chapter_view", "click", "scroll", "idle", "active", "other", "login",
    "session_start", "lesson_start", "lesson_complete", "course_complete", "course_enroll",
    "video_play", "video_pause", "video_seek", "video_stop", "video_complete", "video_progress",
    "quiz_start", "quiz_answer", "quiz_submit", "assignment_submit", "forum_post",
    " Video.Play ", "quiz-question next", "video_fullscreen", "nonsense", "", None, 5,
)  # fmt: skip
_VIDEO_TYPES = tuple(t for t in _TYPES if isinstance(t, str) and "ideo" in t)
_PLACES: tuple[dict[str, Any], ...] = (
    {}, {}, {"course_id": "k1", "chapter_id": "c1"}, {"course_id": "k1", "chapter_id": "c1"},
    {"course_id": "k1", "chapter_id": "c2"}, {"course_id": "k2", "chapter_id": "c1"},
    {"chapter_id": "c1"}, {"chapter_id": "c3"}, {"chapter_id": "c9"}, {"lesson_id": "l1"},
    {"lesson_id": "l2"}, {"lesson_id": "l2", "course_id": "k2"}, {"lesson_id": "l7"},
    {"course_id": "k1"}, {"page_url": "/course/k1/chapter/c2?x=1"}, {"page_url": "/quiz/q1#f"},
    {"screen_name": "https://chapters/Chapters/c%201"}, {"course_id": "", "chapter_id": 7},
)  # fmt: skip
_TRAITS: dict[str, tuple[Any, ...]] = {
    "device_type": ("mobile", "Tablet", "web", "toaster", "", None),
    "device": (
        "iphone", "ipad", "linux", "pixel 9", {"type": "mobile", "os": "iOS"}, {},
        "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
    ),
    "user_agent": (
        "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "curl/8", 3,
    ),
    "browser": ("Firefox", "Chrome", "", None),
    "network": ("wifi", "4g", None, 4),
    "network_type": ("wifi", "5g", "", []),
    "class_id": ("5", 5, "6", None),
    "subject_id": ("MATH", "ART"),
    "location": ("IN-KA", "US-CA", "Paris", "in-ka", None),
}  # fmt: skip
_SECONDS = (0, 1, 10, 20.001, 59.9995, 100, 300, 300.0015, 600, 1e9, 1.1e9, -1, "10", True, None)
_MEASURES: dict[str, tuple[Any, ...]] = {
    "scroll_depth": (0, 49, 49.99, 50, 79, 80, 89.999, 90, 100, 101, -3, 33.3),
    "sections_reached": (0, 1, 3, 7), "sections_total": (0, 3, 7, -1),
    "time_spent": _SECONDS, "duration": _SECONDS, "time_spent_seconds": _SECONDS,
    "completed": (True, False, "true", 1, None),
    "correct": (True, False, "true", None), "score": (0, 0.5, 0.49, 1, -1, "1"),
    "selected_option": ("A", "B", 2, "", [], None),
    "current_time": _SECONDS, "from": _SECONDS, "to": _SECONDS,
    "video_duration": (*_SECONDS, 0.001, 0.0009, 0.5),
    "playback_rate": (0, 0.01, 0.25, 0.5, 1, 1.1, 1.25, 1.5, 2, 3, 100, 101, -1, "2", None),
    "question_id": ("1", "2", 1), "quiz_id": ("q1", "q2"), "assessment_id": ("q1", "q3"),
}  # fmt: skip
_VIDEO_MEASURES = ("current_time", "from", "to", "video_duration", "playback_rate")
_ODD: dict[str, tuple[Any, ...]] = {
    "student_id": (None, "", True, [], 7.5, "s1"), "event_id": (True, {}, 1.5, 10**30),
    "timestamp": (None, True, "soon", 1e300, -1, {}, "2025-11-16 10:00", "1969-12-31T23:59:59Z"),
    "metadata": ([], "x", None, {"email": "a@b.example", "n": {"ip": 1, "k": "::1"}}),
    "payload": (1, None, {"a": 1}), "context": ([], None, {"video_id": "v2"}),
    "course_id": ([], True, 1.5, 10**25), "chapter_id": ({}, False, 3), "video_id": (9, [1]),
    "page_url": (1, "", "#", "/video/v1/"), "device": (1, True), "browser": (1, [], {}),
    "scroll_depth": ("90", True, [], 1e308, None), "start_time": (0, None), "end_time": (5, ""),
    "event_name": ("video_play", 1, None), "remark": ("a@b.example", "10.0.0.1", [None], 1e22),
}  # fmt: skip


@dataclass(frozen=True)
class Arrivals:
    """Records in order of arrival, and when each was received (epoch ms, None: unknown)."""

    records: list[bytes]
    received: list[int | None]


def arrivals(most: int = 14) -> st.SearchStrategy[Arrivals]:
    """Records of three students in some order, copies among them, receipts known or not."""
    return _seeds.map(lambda seed: _arrive(Random(seed), most))


def plans(splits: bool = True) -> st.SearchStrategy[Plan]:
    """Options around the defaults."""
    return _seeds.map(lambda seed: _plan(Random(seed), splits))


_seeds = st.integers(0, 2**64 - 1)


def _arrive(chance: Random, most: int) -> Arrivals:
    at = chance.choice(BASES)
    sent: list[tuple[bytes, int]] = []
    steps = STEPS if chance.random() < 0.5 else STEPS[3:13]
    for _ in range(chance.randint(1, most)):
        at += chance.choice(LEAPS) if chance.random() < 0.04 else chance.choice(steps)
        sent.append((_bytes(_event(chance, at), chance.random() < 0.2), at))
        if chance.random() < 0.1:
            sent.append(chance.choice(sent))
    if chance.random() < 0.5:
        chance.shuffle(sent)
    delay = (lambda: chance.choice(_DELAYS)) if chance.random() < 0.5 else lambda: None
    delays = [delay() for _ in sent]
    received = [None if d is None else at + d for (_, at), d in zip(sent, delays, strict=True)]
    return Arrivals([record for record, _ in sent], received)


_DELAYS = (
    0, 0, 0, 0, 1000, 1000, _HOUR, _HOUR, None, -300_000, -300_001, -_HOUR, 365 * _DAY, 366 * _DAY,
)  # fmt: skip


def _drawn(chance: Random, table: Mapping[str, tuple[Any, ...]], most: int) -> dict[str, Any]:
    names = chance.sample(sorted(table), chance.randint(0, min(most, len(table))))
    return {name: chance.choice(table[name]) for name in names}


def _event(chance: Random, at: int) -> dict[str, Any]:
    event: dict[str, Any] = {"student_id": chance.choice(("s1", "s1", "s1", "s2", 7))}
    event |= _drawn(chance, _TRAITS, 2) if chance.random() < 0.5 else {}
    event |= chance.choice((_content, _video, _video, _answer))(chance, at)
    event |= _timed(chance, at)
    event_id = chance.choice(("a", "b", "c", "d", None, "é", 12, "", "e", "f"))
    event |= {} if event_id is None else {"event_id": event_id}
    return event | (_drawn(chance, _ODD, 1) if chance.random() < 0.08 else {})


def _content(chance: Random, _: int) -> dict[str, Any]:
    """What an event says but its time and student."""
    said = {"event_type": chance.choice(_TYPES), **chance.choice(_PLACES)}
    if chance.random() < 0.4:
        said["event_type"] = chance.choice(("login", "page_view", "page_view", "chapter_view"))
    return said | _placed(chance, _drawn(chance, _MEASURES, 4))


def _video(chance: Random, at: int) -> dict[str, Any]:
    """An event of a video; mostly where a player would be that plays on, or a hair off."""
    said = {
        "event_type": chance.choice(_VIDEO_TYPES),
        "video_id": chance.choice(("v1", "v1", "v2")),
    }
    positions = {name: (_position(chance, at),) for name in ("current_time", "from", "to")}
    rates = {"playback_rate": (0.5, 1, 1.1, 1.25, 2, 3)}
    lengths = {"video_duration": (100, 600, 600.0009, 3600)}
    measures = {"current_time": _position(chance, at)} if chance.random() < 0.7 else {}
    measures |= _drawn(chance, positions, 2) | _drawn(chance, rates | lengths, 1)
    odd = _drawn(chance, {name: _MEASURES[name] for name in _VIDEO_MEASURES}, 1)
    measures |= odd if chance.random() < 0.2 else {}
    return said | chance.choice(_PLACES) | _placed(chance, measures)


def _position(chance: Random, at: int) -> float:
    """Seconds of a player that began at the day's last half-hour, at one of a few rates."""
    played = at % (30 * _MINUTE) * chance.choice((1, 1, 1, 1.25, 2, 0.5)) / 1000
    return round(played + chance.choice((0, 0, 1, 1.001, -1, -0.001, 0.0005, 45, -45)), 4)


def _answer(chance: Random, _: int) -> dict[str, Any]:
    """An event of a quiz."""
    names = ("correct", "score", "selected_option", "time_spent", "question_id", "quiz_id")
    measures = _drawn(chance, {name: _MEASURES[name] for name in names}, len(names))
    kind = chance.choice(("quiz_answer", "quiz_answer", "quiz_start", "quiz_navigate"))
    return {"event_type": kind, **chance.choice(_PLACES)} | _placed(chance, measures)


def _placed(chance: Random, measures: dict[str, Any]) -> dict[str, Any]:
    inside = chance.choice(("metadata", "payload", None))
    return {inside: measures} if inside else measures


def _timed(chance: Random, at: int) -> dict[str, Any]:
    """The time of an event in one of the dialects."""
    dialect = chance.choice(("raw", "raw", "raw", "click", "analytics", "analytics", "view"))
    if dialect == "raw":
        return {"timestamp": _iso(at)}
    if dialect == "click":
        named = {"event_name": chance.choice(_TYPES)} if chance.random() < 0.3 else {}
        return {"timestamp": at} | named
    if dialect == "analytics":
        return {"timestamp": at, "context": chance.choice(_PLACES)}
    return {"start_time": at, "end_time": _iso(at + chance.choice(LENGTHS))}


def _iso(moment_ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).isoformat()


def _bytes(event: Mapping[str, Any], is_spaced: bool) -> bytes:
    separators = None if is_spaced else (",", ":")
    return json.dumps(event, separators=separators, ensure_ascii=False).encode()


def _plan(chance: Random, splits: bool) -> Plan:
    choices = {
        "session_gap_seconds": (1800, 1800, 1800, 60, 0.001, 7200, 90_000),
        "idle_after_seconds": (300, 300, 0, 10, 3600),
        "interval_active_cap_seconds": (1800, 1800, 1, 600),
        "max_session_hours": (24, 24, 1, 2, 5, 0.5),
        "skim_seconds": (20, 20, 0, 100),
        "reporting_timezone": ZONES,
        "max_future_seconds": (0, 300),
        "max_age_days": (0, 365),
    }
    options: dict[str, Any] = {name: chance.choice(values) for name, values in choices.items()}
    if splits and chance.random() < 0.6:
        options["split_on"] = chance.sample(SPLITS, chance.randint(0, len(SPLITS)))
    return Plan(options, chance.choice((CATALOG, CATALOG, None)), QUESTIONS)


SPLITS = ("device", "browser", "network", "login")
ZONES = ("UTC", "UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
