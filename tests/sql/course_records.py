"""What do students send in tests of the models about courses, and which catalogues are there?"""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

Catalogues = tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
"""The courses' catalogue and the questions'."""
FIRST_DAY = datetime.date(2025, 9, 1)
"""Day 0 of all records."""
MINUTE = 1 / 1440
"""In days."""
CATALOGUES: Catalogues = (
    [
        {"course_id": "k1", "chapter_id": "h1", "chapter_order": 1, "expected_minutes": 2,
         "lesson_ids": "l1;l2"},
        {"course_id": "k1", "chapter_id": "h2", "chapter_order": 2, "expected_minutes": 6,
         "lesson_ids": "l2;l3"},
        {"course_id": "k2", "chapter_id": "h1", "chapter_order": 1, "expected_minutes": 1},
        {"course_id": "k2", "chapter_id": "h2", "chapter_order": None, "expected_minutes": None},
    ],
    [
        {"quiz_id": "q1", "question_id": "1", "pass_mark": 0.4},
        {"quiz_id": "q1", "question_id": "2", "pass_mark": 0.5},
        {"quiz_id": "q2", "question_id": "1", "pass_mark": None},
        {"quiz_id": None, "question_id": "1", "pass_mark": 0},
    ],
)  # fmt: skip
"""`k1` is described in full, `k2` in part, other courses not at all."""
NO_CATALOGUES: Catalogues = ([], [])
_COURSES, _CHAPTERS, _LESSONS = ("k1", "k1", "k2", "k3", None), ("h1", "h1", "h2", "h9"), "l1 l3 l9"
_PAUSES = (0, 1, 5, 30, 61.5, 400, 1700)
_KINDS = (
    "page_view", "scroll", "click", "video_play", "quiz_start", "quiz_answer", "quiz_answer",
    "lesson_complete", "lesson_start", "course_complete", "course_enroll", "assignment_submit",
    "login", "chapter_view", "chapter_view", "chapter_view",
)  # fmt: skip


def day(number: int) -> datetime.date:
    """The date of a day."""
    return FIRST_DAY + datetime.timedelta(days=number)


def event(student: str, on_day: float, kind: str, **told: Any) -> bytes:
    """A record; half a day is noon. Ids go to the record, the rest to its metadata."""
    at = round((FIRST_DAY.toordinal() - 719_163 + on_day) * 86_400_000)
    ids = {name: value for name, value in told.items() if name.endswith("_id") and value}
    metadata = {name: value for name, value in told.items() if not name.endswith("_id")}
    record = {"student_id": student, "timestamp": at, "event_type": kind, **ids}
    return json.dumps({**record, "metadata": metadata}).encode()


def stay(student: str, on_day: float, minutes: float, **told: Any) -> bytes:
    """An interval in a chapter: in `h1` of `k1` if nothing else is told."""
    at = round((FIRST_DAY.toordinal() - 719_163 + on_day) * 86_400_000)
    place = {"course_id": "k1", "chapter_id": "h1"} | told
    known = {name: value for name, value in place.items() if value is not None}
    span = {"start_time": at, "end_time": at + round(minutes * 60_000)}
    return json.dumps({"student_id": student, **span, **known}).encode()


def chapters_of_k1(*minutes: float | None) -> Catalogues:
    """A catalogue of `k1` with so many chapters, h1 and on."""
    numbers = range(1, len(minutes) + 1)
    rows = [
        {"course_id": "k1", "chapter_id": f"h{n}", "chapter_order": n, "expected_minutes": m}
        for n, m in zip(numbers, minutes, strict=True)
    ]
    return rows, []


def answer(student: str, on_day: float, is_correct: bool | None, **told: Any) -> bytes:
    """An answer to the quiz of `h1` of `k1`."""
    place = {"course_id": "k1", "chapter_id": "h1", "quiz_id": "q1", "question_id": "1"}
    return event(student, on_day, "quiz_answer", **place | told, correct=is_correct)


def lively(chance: Random, days: int = 20) -> Iterator[bytes]:
    """Up to eight students over some days: sittings of a few events of any kind."""
    for number in range(chance.randrange(1, 9)):
        for _ in range(chance.randrange(1, 7)):
            at = chance.randrange(days) + chance.choice((0.1, 0.5, 0.999))
            for _ in range(chance.randrange(1, 9)):
                yield _action(chance, f"s{number}", at)
                at += chance.choice(_PAUSES) / 86_400


def _action(chance: Random, student: str, at: float) -> bytes:
    kind = chance.choice(_KINDS)
    told: dict[str, Any] = {"course_id": chance.choice(_COURSES)}
    if kind in ("login", "click") or chance.random() < 0.2:
        return event(student, at, kind, **(told if chance.random() < 0.5 else {}))
    told["chapter_id"] = chance.choice(_CHAPTERS)
    if kind == "chapter_view":
        depth = chance.choice((None, 10, 49, 50, 95))
        return stay(student, at, chance.choice((0, 0.1, 3, 3, 50)), **told, scroll_depth=depth)
    if kind.startswith("quiz_"):
        told["quiz_id"], told["question_id"] = chance.choice(("q1", "q2", None)), "1"
    return event(student, at, kind, **told, **_details(chance, kind))


def _details(chance: Random, kind: str) -> dict[str, Any]:
    if kind == "quiz_answer":
        return {"correct": chance.choice((True, False, None))}
    if kind.startswith("lesson_"):
        return {"lesson_id": chance.choice(_LESSONS.split())}
    if kind == "assignment_submit":
        return {"assignment_id": chance.choice(("a1", "a2", None))}
    if kind == "video_play":
        length = chance.choice((30, 60, None))
        return {"video_id": chance.choice(("v1", "v2")), "video_duration": length,
                "current_time": chance.choice((0, None))}  # fmt: skip
    return {}
