"""Does a stream leave the tables that batch leaves, whatever the order, copies and lateness?"""

import json
import random
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from benchmarks.simulate import Arrival, simulate
from tests.in_memory import Plan, run
from tests.transforms.beam_stream import DAY_MS, Step, run_stream
from tests.transforms.in_stream import Store, differences

MINUTE_MS = 60_000
NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def _event(name: str, minute: float, **fields: Any) -> bytes:
    at_ms = NOON_MS + round(minute * MINUTE_MS)
    record = {"event_id": name, "student_id": "s1", "timestamp": at_ms, "event_type": "page_view"}
    record |= {"course_id": "c", "chapter_id": "c-1", "page_url": f"/p/{name}", **fields}
    return json.dumps(record).encode()


def _visit(name: str, start: float, end: float) -> bytes:
    times = {"start_time": start, "end_time": end}
    record = {"event_id": name, "student_id": "s1", "course_id": "c", "chapter_id": "c-2"}
    record |= {key: NOON_MS + round(minute * MINUTE_MS) for key, minute in times.items()}
    return json.dumps(record).encode()


def _step(*records: bytes, watermark: float) -> Step:
    return Step(records, NOON_MS + round(watermark * MINUTE_MS))


TRANSCRIPTS = {
    "late event joins a closed session": [
        _step(_event("a", 0), _event("b", 10), watermark=60),
        _step(_event("late", 5, chapter_id="c-2"), watermark=61),
    ],
    "late event bridges two closed sessions": [
        _step(_event("a", 0), watermark=31),
        _step(_event("b", 50), watermark=120),
        _step(_event("late", 25), watermark=121),
    ],
    "late event bridges a closed and an open session": [
        _step(_event("a", 0), watermark=35),
        _step(_event("b", 50), watermark=52),
        _step(_event("late", 25), watermark=53),
        _step(_event("c", 60), watermark=54),
    ],
    "late event comes before a closed session and takes its id away": [
        _step(_event("b", 20), watermark=60),
        _step(_event("late", 0), watermark=61),
    ],
    "exactly the gap is one session": [
        _step(_event("a", 0), _event("b", 30), watermark=90),
        _step(_event("c", 60.001), watermark=200),
    ],
    "late interval that began before swallows a closed session": [
        _step(_event("a", 0), _event("b", 100), watermark=140),
        _step(_visit("late", -60, 120), watermark=141),
    ],
    "the same event again, before and after its session closed": [
        _step(_event("a", 0), _event("a", 0), watermark=40),
        _step(_event("a", 0), watermark=41),
        _step(_event("a", 0), watermark=500),
    ],
    "a copy with other bytes comes later": [
        _step(_event("a", 0, course_id="c"), watermark=40),
        _step(_event("a", 0, course_id="d"), watermark=41),
        _step(_event("a", 0, course_id="e"), watermark=42),
    ],
    "counts of a chapter go down": [
        _step(_event("a", 0), _event("b", 10, chapter_id="c-2"), watermark=60),
        # One visit becomes an attached point of an interval: the chapter loses a visit.
        _step(_visit("late", 9, 11), watermark=61),
    ],
    "late data over midnight": [
        _step(_event("a", 11 * 60 + 50), watermark=13 * 60),
        _step(_event("late", 12 * 60 + 10), watermark=14 * 60),
        _step(_event("later", 11 * 60 + 30), watermark=15 * 60),
    ],
    "unusable records among the others": [
        _step(b"{", _event("a", 0), b"[]", watermark=40),
        _step(_event("b", 1, timestamp="yesterday"), watermark=41),
    ],
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_stream_ends_like_batch_when(name: str) -> None:
    steps = TRANSCRIPTS[name]
    records = [record for step in steps for record in step.records]
    outcome = run_stream(steps, Plan())
    usable = {n: rows for n, rows in run(records, Plan()).tables.items() if n != "dead_letters"}
    outcome.store.rows.pop("dead_letters", None)
    assert differences(outcome.store.tables(), usable) == []


def test_a_bridged_session_is_retracted() -> None:
    outcome = run_stream(TRANSCRIPTS["late event bridges two closed sessions"], Plan())
    assert outcome.store.retracted["sessions"] == 1
    assert len(outcome.store.rows["sessions"]) == 1


def test_an_event_beyond_the_lateness_is_dropped_and_counted() -> None:
    steps = [
        _step(_event("a", 0), watermark=100),
        _step(_event("late", 39), _event("too late", 30), watermark=101),
    ]
    outcome = run_stream(steps, Plan(), lateness_ms=65 * MINUTE_MS)
    ids = {row["event_id"] for row in outcome.store.rows["events"].values()}
    assert ids == {"a", "late"}
    wanted = {"records_read": 3, "events": 2, "late": 1, "dropped": 1, "duplicates": 0}
    assert {name: outcome.counts[name] for name in wanted} == wanted


def test_a_session_is_shown_before_it_ends_and_then_revised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown, apply = [], Store.apply

    def note(store: Store, table: str, frame: pl.DataFrame) -> None:
        if table == "sessions":
            shown.append(frame["event_count"].to_list())
        apply(store, table, frame)

    monkeypatch.setattr(Store, "apply", note)
    open_at_each = [_step(_event("a", 0), watermark=6), _step(_event("b", 20), watermark=26)]
    run_stream(open_at_each, Plan())
    assert shown == [[1], [2]]


@pytest.mark.parametrize("seed", range(3))
def test_a_whole_school_streams_like_batch(seed: int) -> None:
    school = simulate(students=10, days=2, seed=seed, envelopes=True, duplicates=0.1, bad=0.02)
    plan = Plan(catalog=school.catalog, questions=school.questions)
    outcome = run_stream(_disordered(school.arrivals, random.Random(seed)), plan)
    batch = run(school.records, plan)
    assert differences(outcome.store.tables(), batch.tables) == []
    counted = ("records_read", "events", "duplicates", "dead_letters", "excluded", "sessions")
    assert {n: outcome.counts[n] for n in counted} == {n: batch.counts[n] for n in counted}


def _disordered(arrivals: Sequence[Arrival], chance: random.Random) -> list[Step]:
    """The arrivals up to four hours out of order, read under a watermark one hour behind."""
    keyed = [(a.received_ms + chance.randrange(4 * 60 * MINUTE_MS), a) for a in arrivals]
    ordered = [arrival for _, arrival in sorted(keyed, key=lambda pair: pair[0])]
    steps, watermark_ms, first = [], 0, 0
    while first < len(ordered):
        part = ordered[first : first + chance.choice((1, 20, 200))]
        first += len(part)
        newest = max(arrival.received_ms for arrival in part)
        watermark_ms = max(watermark_ms, newest - 60 * MINUTE_MS)
        steps.append(Step(tuple(arrival.body for arrival in part), watermark_ms))
    return steps


def test_lateness_of_a_day_is_enough_for_the_transcripts() -> None:
    longest = max(step.watermark_ms for steps in TRANSCRIPTS.values() for step in steps)
    assert longest - NOON_MS < DAY_MS
