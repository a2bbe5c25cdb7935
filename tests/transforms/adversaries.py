"""What would a student do to break the arithmetic? Hypothesis strategies of records.

Few ids, so that they collide; times to the millisecond around every bound of the metrics; every
dialect; values of types that no client should send.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.in_memory import Plan

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_BOUNDS = (0, 1000, 10_000, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR)
STEPS = sorted({max(0, b + d) for b in _BOUNDS for d in (-1, 0, 0, 1)}) + [7, 45_250]
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


@st.composite
def _drawn(draw: st.DrawFn, table: Mapping[str, tuple[Any, ...]], most: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(table)), max_size=most, unique=True))
    return {name: draw(st.sampled_from(table[name])) for name in names}


@st.composite
def _contents(draw: st.DrawFn) -> dict[str, Any]:
    """What an event says but its time and student."""
    measures = draw(_drawn(_MEASURES, 4))
    content = dict(draw(st.sampled_from(_PLACES))) | draw(_drawn(_TRAITS, 2))
    kind = draw(st.sampled_from(_TYPES))
    if draw(st.booleans()):
        kind = draw(st.sampled_from(_VIDEO_TYPES))
        content["video_id"] = draw(st.sampled_from(("v1", "v1", "v2")))
        measures |= draw(_drawn({name: _MEASURES[name] for name in _VIDEO_MEASURES}, 3))
    inside = draw(st.sampled_from(("metadata", "payload", None)))
    placed = {inside: measures} if inside else measures
    return {"event_type": kind, **content, **placed}


def _iso(moment_ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).isoformat()


@st.composite
def _timed(draw: st.DrawFn, at: int) -> dict[str, Any]:
    """The time of an event in one of the dialects."""
    dialect = draw(st.sampled_from(("raw", "raw", "click", "analytics", "view", "view")))
    if dialect == "raw":
        return {"timestamp": _iso(at)}
    if dialect == "click":
        return {"timestamp": at, "event_name": draw(st.sampled_from(_TYPES))}
    if dialect == "analytics":
        return {"timestamp": at, "context": draw(st.sampled_from(_PLACES))}
    length = draw(st.sampled_from(LENGTHS))
    return {"start_time": at, "end_time": _iso(at + length)}


@st.composite
def _events(draw: st.DrawFn, at: int) -> dict[str, Any]:
    event: dict[str, Any] = {"student_id": draw(st.sampled_from(("s1", "s1", "s2", 7)))}
    event |= draw(_contents()) | draw(_timed(at))
    event_id = draw(st.sampled_from(("a", "b", "c", "d", None, "é", 12, "", "e", "f")))
    event |= {} if event_id is None else {"event_id": event_id}
    if draw(st.integers(0, 9)) == 0:
        event |= draw(_drawn(_ODD, 1))
    return event


def _bytes(event: Mapping[str, Any], is_spaced: bool) -> bytes:
    separators = None if is_spaced else (",", ":")
    return json.dumps(event, separators=separators, ensure_ascii=False).encode()


@st.composite
def arrivals(draw: st.DrawFn, most: int = 14) -> Arrivals:
    """Records of three students in some order, copies among them, receipts known or not."""
    at = draw(st.sampled_from(BASES))
    sent: list[tuple[bytes, int]] = []
    for _ in range(draw(st.integers(1, most))):
        at += draw(st.sampled_from(STEPS + STEPS + list(LEAPS)))
        sent.append((_bytes(draw(_events(at)), draw(st.booleans())), at))
        if draw(st.integers(0, 7)) == 0:
            sent.append(draw(st.sampled_from(sent)))
    knows = draw(st.booleans())
    delays = (0, 1000, _HOUR, -300_000, -300_001, -_HOUR, 365 * _DAY, 365 * _DAY + 1)
    late = [draw(st.sampled_from(delays)) if knows else 0 for _ in sent]
    received = [at + delay if knows else None for (_, at), delay in zip(sent, late, strict=True)]
    return Arrivals([record for record, _ in sent], received)


@st.composite
def plans(draw: st.DrawFn, splits: bool = True) -> Plan:
    """Options around the defaults."""
    options: dict[str, Any] = {
        "session_gap_seconds": draw(st.sampled_from((1800, 1800, 60, 0.001, 7200, 90_000))),
        "idle_after_seconds": draw(st.sampled_from((300, 300, 0, 10, 3600))),
        "interval_active_cap_seconds": draw(st.sampled_from((1800, 1800, 1, 600))),
        "max_session_hours": draw(st.sampled_from((24, 24, 1, 2, 5, 0.5))),
        "skim_seconds": draw(st.sampled_from((20, 20, 0, 100))),
        "reporting_timezone": draw(st.sampled_from(ZONES)),
        "max_future_seconds": draw(st.sampled_from((0, 300))),
    }
    if splits:
        named = st.lists(st.sampled_from(("device", "browser", "network", "login")), unique=True)
        options["split_on"] = draw(named)
    has_catalogue = draw(st.booleans())
    return Plan(options, CATALOG if has_catalogue else None, QUESTIONS)


ZONES = ("UTC", "UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
