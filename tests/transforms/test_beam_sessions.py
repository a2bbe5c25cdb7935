"""Do Beam's own session windows, told of the difference at the bound, give the same sessions?

Beam starts a new session at a gap of `gap` or more, METRICS.md at strictly more than the gap: over
whole milliseconds `Sessions(gap + 1 ms)` is the same rule.
"""

import json
import random
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline as CheckedPipeline
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import GlobalWindows, Sessions, TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from tests.compare_rows import student_hash
from tests.in_memory import Plan, run

GAP_MS = 1_800_000
STEPS_MS = (0, 1, 999, 60_000, GAP_MS - 1, GAP_MS, GAP_MS, GAP_MS + 1, 2 * GAP_MS, 86_400_000)
START_MS = 1_763_337_599_999
RUNNERS = {"FnApiRunner": FnApiRunner, "BundleBasedDirectRunner": BundleBasedDirectRunner}

Event = tuple[str, int]
"""Student, epoch milliseconds."""


def _events(seed: int) -> list[Event]:
    """Points of four students, apart by steps around the gap, in no order.

    Sessions stay below a day: the maximum length is a rule of its own.
    """
    chance = random.Random(seed)
    events = []
    for number in range(4):
        at = START_MS + chance.randrange(1000)
        for _ in range(12):
            at += chance.choice(STEPS_MS)
            events.append((f"s{number}", at))
    chance.shuffle(events)
    return events


def _derived(events: list[Event]) -> list[tuple[str, int, int, int]]:
    """Sessions as the product derives them: student, start, end, count."""
    records = [
        {"event_id": f"e{n}", "student_id": student, "timestamp": at, "event_type": "click"}
        for n, (student, at) in enumerate(events)
    ]
    names = {student_hash(student): student for student, _ in events}
    rows = run([json.dumps(record).encode() for record in records], Plan()).tables["sessions"]
    return [
        (
            names[row["student_hash"]],
            _ms(row["session_start"]),
            _ms(row["session_end"]),
            row["event_count"],
        )
        for row in rows
    ]


def _ms(moment: Any) -> int:
    return round(moment.timestamp() * 1000)


def _stamp(event: Event) -> TimestampedValue:
    return TimestampedValue(event, Timestamp(micros=event[1] * 1000))


def _summarise(student: str, times: Any) -> tuple[str, int, int, int]:
    found = list(times)
    return student, min(found), max(found), len(found)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("seed", range(2))
def test_beam_sessions_are_those_of_the_product(runner: str, seed: int) -> None:
    events = _events(seed)
    expected = _derived(events)
    assert any(count > 2 for *_, count in expected)
    gap = Duration(micros=(GAP_MS + 1) * 1000)
    with CheckedPipeline(runner=RUNNERS[runner]()) as pipeline:
        sessions = (
            pipeline
            | "Create" >> beam.Create(events)
            | "Stamp" >> beam.Map(_stamp)
            | "Window" >> beam.WindowInto(Sessions(gap))
            | "GroupByStudent" >> beam.GroupByKey()
            | "LeaveWindows" >> beam.WindowInto(GlobalWindows())
            | "Summarise" >> beam.MapTuple(_summarise)
        )
        assert_that(sessions, equal_to(expected))


def test_beam_sessions_of_the_bare_gap_split_at_exactly_the_gap() -> None:
    """Why a millisecond is added."""
    events = [("s1", START_MS), ("s1", START_MS + GAP_MS)]
    assert _derived(events) == [("s1", START_MS, START_MS + GAP_MS, 2)]
    with CheckedPipeline(runner=FnApiRunner()) as pipeline:
        counts = (
            pipeline
            | "Create" >> beam.Create(events)
            | "Stamp" >> beam.Map(_stamp)
            | "Window" >> beam.WindowInto(Sessions(GAP_MS / 1000))
            | "GroupByStudent" >> beam.GroupByKey()
            | "Count" >> beam.MapTuple(lambda _, times: len(list(times)))
        )
        assert_that(counts, equal_to([1, 1]))
