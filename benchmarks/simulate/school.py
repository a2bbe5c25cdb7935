"""Which records does the simulated school send, in order of arrival, and what is true of them?"""

import base64
import dataclasses
import datetime
import json
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.simulate import courses as courses_
from benchmarks.simulate.courses import Course
from benchmarks.simulate.days import DAY_MS, plan_sittings
from benchmarks.simulate.dialects import encode
from benchmarks.simulate.faults import bad_reasons, bad_record, respell
from benchmarks.simulate.options import Options
from benchmarks.simulate.sittings import Progress, sit
from benchmarks.simulate.students import Student, make_student
from benchmarks.simulate.trace import Action

WITHOUT_ID, REUSED_ID = 0.004, 0.0005


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record as received: when, on which topic, and its bytes without the line end."""

    received_ms: int
    topic: str
    occurred_ms: int
    body: bytes

    @property
    def date(self) -> str:
        """The UTC date of the event."""
        return _utc(self.occurred_ms).date().isoformat()


@dataclass(frozen=True)
class School:
    """The courses, the students, everything they sent in order of arrival, and the truth of it."""

    options: Options
    courses: tuple[Course, ...]
    students: tuple[Student, ...]
    arrivals: tuple[Arrival, ...]
    truth: dict[str, Any]

    @property
    def records(self) -> list[bytes]:
        """The records in order of arrival, as lines without their ends."""
        return [arrival.body for arrival in self.arrivals]

    @property
    def catalog(self) -> list[dict[str, object]]:
        """The rows of the course catalogue."""
        return courses_.catalog_rows(self.courses)

    @property
    def questions(self) -> list[dict[str, object]]:
        """The rows of the question catalogue."""
        return courses_.question_rows(self.courses)

    @property
    def consent(self) -> list[dict[str, object]]:
        """Every student with their consent."""
        return [{"student_id": s.student_id, "has_consent": s.has_consent} for s in self.students]


def simulate(options: Options | None = None, **changes: Any) -> School:
    """A school for these options (or the defaults with `changes`); the same every time."""
    options = dataclasses.replace(options or Options(), **changes)
    rng = _random(options, "school")
    courses = courses_.make_courses(rng, min(24, max(4, options.students // 12)))
    students = tuple(_student(options, number, courses) for number in range(options.students))
    counts: Counter[str] = Counter()
    events: list[Arrival] = []
    for number, student in enumerate(students):
        events += _events(_random(options, f"events {number}"), student, options, counts)
    duplicates = _duplicates(_random(options, "duplicates"), events, options)
    bad, reasons = _bad(_random(options, "bad"), len(events), options)
    arrivals = sorted(events + duplicates + bad, key=lambda a: (a.received_ms, a.topic, a.body))
    if options.envelopes:
        arrivals = [_envelope(arrival, offset) for offset, arrival in enumerate(arrivals)]
    truth = _truth(options, students, counts, reasons, len(duplicates))
    return School(options, courses, students, tuple(arrivals), truth)


def _random(options: Options, purpose: str) -> Random:
    """An own generator for each purpose: another student or fault changes nothing elsewhere."""
    return Random(f"{options.seed}|{purpose}")


def _student(options: Options, number: int, courses: tuple[Course, ...]) -> Student:
    rng = _random(options, f"student {number}")
    return make_student(rng, number, courses, options.days, options.without_consent)


def _events(rng: Random, student: Student, options: Options, counts: Counter[str]) -> list[Arrival]:
    """Everything one student did; counts what is worth knowing."""
    progress, previous = Progress(), ("", 0)
    events: list[Arrival] = []
    for sitting in plan_sittings(rng, student, options):
        actions = sit(rng, student, sitting, progress, options.dialect)
        for action in actions:
            event_id = _event_id(rng, previous, action, counts)
            record = encode(rng, student, action, event_id, options.dialect)
            counts[_dialect(record)] += 1
            events.append(_arrival(rng, action, record))
            previous = (event_id, action.at_ms)
        counts["planned_sessions"] += bool(actions)
    counts["events"] += len(events)
    counts["students_with_events"] += bool(events)
    counts["events_without_consent"] += 0 if student.has_consent else len(events)
    return events


def _event_id(rng: Random, previous: tuple[str, int], action: Action, counts: Counter[str]) -> str:
    """A new id; rarely none, or by a fault of the client that of its event before."""
    roll = rng.random()
    if roll < WITHOUT_ID:
        counts["events_without_id"] += 1
        return ""
    if roll < WITHOUT_ID + REUSED_ID and previous[0] and action.at_ms > previous[1]:
        counts["reused_ids"] += 1
        return previous[0]
    return f"e{rng.getrandbits(64):016x}"


def _arrival(rng: Random, action: Action, record: dict[str, Any]) -> Arrival:
    """Sent at once, seconds later, or by a phone that was offline for hours."""
    delay = rng.expovariate(1 / 800) if rng.random() < 0.97 else rng.uniform(1_000, 40_000)
    if rng.random() < 0.004:
        delay = rng.uniform(3_600_000, 20 * 3_600_000)
    spaced = rng.random() < 0.1
    body = json.dumps(
        record, ensure_ascii=False, separators=None if spaced else (",", ":")
    ).encode()
    received_ms = (action.ended_ms or action.at_ms) + int(delay)
    return Arrival(received_ms, _topic(action.event_type), action.at_ms, body)


def _topic(event_type: str) -> str:
    family = event_type.split("_")[0]
    return {"video": "video", "quiz": "quiz", "assignment": "quiz"}.get(family, "clickstream")


def _dialect(record: dict[str, Any]) -> str:
    if "start_time" in record:
        return "chapter_view"
    if "context" in record:
        return "analytics_event"
    return "raw_event" if isinstance(record["timestamp"], str) else "clickstream"


def _duplicates(rng: Random, events: list[Arrival], options: Options) -> list[Arrival]:
    """Later copies of some events."""
    count = min(len(events), round(len(events) * options.duplicates))
    return [
        dataclasses.replace(
            event,
            received_ms=event.received_ms + int(rng.expovariate(1 / 60_000)) + 1,
            body=respell(rng, event.body),
        )
        for event in rng.sample(events, count)
    ]


def _bad(rng: Random, events: int, options: Options) -> tuple[list[Arrival], Counter[str]]:
    """Records beside the events, each with one fault."""
    reasons = bad_reasons(round(events * options.bad), options.envelopes)
    records = []
    for number, reason in enumerate(reasons):
        at_ms = options.start_ms + rng.randrange(options.days * DAY_MS)
        body = bad_record(reason, number, at_ms)
        records.append(Arrival(at_ms, rng.choice(("clickstream", "quiz", "video")), at_ms, body))
    return records, Counter(reasons)


def _envelope(arrival: Arrival, offset: int) -> Arrival:
    """The record as the raw zone keeps it: wrapped, with its place and the time of receipt."""
    received_at = _utc(arrival.received_ms).isoformat(timespec="milliseconds")
    wrapped: dict[str, Any] = {"received_at": received_at.replace("+00:00", "Z")}
    wrapped |= {"topic": arrival.topic, "partition": 0, "offset": offset}
    try:
        wrapped["record"] = arrival.body.decode()
    except UnicodeDecodeError:
        wrapped["record_base64"] = base64.b64encode(arrival.body).decode()
    return dataclasses.replace(arrival, body=json.dumps(wrapped, ensure_ascii=False).encode())


def _utc(epoch_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(epoch_ms / 1000, datetime.UTC)


def _truth(
    options: Options,
    students: tuple[Student, ...],
    counts: Counter[str],
    reasons: Counter[str],
    duplicates: int,
) -> dict[str, Any]:
    """What the simulator knows; `events` are distinct, good ones, before consent is asked."""
    dialects = ("chapter_view", "raw_event", "clickstream", "analytics_event")
    names = ("students_with_events", "planned_sessions", "events_without_id", "reused_ids")
    return {
        "options": dataclasses.asdict(options) | {"start_date": options.start_date.isoformat()},
        "records": counts["events"] + duplicates + reasons.total(),
        "events": counts["events"],
        "duplicates": duplicates,
        "bad": dict(sorted(reasons.items())),
        "events_by_dialect": {name: counts[name] for name in dialects},
        "students": len(students),
        "students_without_consent": sum(not student.has_consent for student in students),
        "events_without_consent": counts["events_without_consent"],
    } | {name: counts[name] for name in names}
