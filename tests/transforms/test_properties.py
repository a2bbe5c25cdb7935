"""What holds whatever the students do? Properties over adversarial records."""

import json
import os
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.in_memory import Plan, Result, Rows, run, total
from tests.transforms.adversaries import Arrivals, arrivals, plans
from tests.transforms.both_engines import (
    comparable,
    differences,
    expected_tables,
    of_table,
    wrap,
)
from transforms.sum_up import drop_zeros, take_back

MORE = int(os.environ.get("CHAPTERFLOW_EXAMPLES", "1"))
"""How many times as many examples to try, and other ones each time if more than 1."""


def examples(count: int) -> settings:
    """The same examples in every run, unless more are asked for."""
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large)
    return settings(
        max_examples=count * MORE,
        deadline=None,
        derandomize=MORE == 1,
        suppress_health_check=checks,
        # A failing example is small as it is; to shrink it further takes minutes.
        phases=(Phase.explicit, Phase.generate),
    )


def _run(sent: Arrivals, plan: Plan) -> Result:
    return run(wrap(sent.records, sent.received), plan)


@examples(120)
@given(arrivals(), plans())
def test_engines_agree_on_adversarial_students(sent: Arrivals, plan: Plan) -> None:
    expected = expected_tables(sent.records, plan, sent.received)
    assert differences(_run(sent, plan), expected) == []


@examples(25)
@given(arrivals(), plans(), st.randoms(use_true_random=False))
def test_order_and_duplication_of_arrival_change_nothing(
    sent: Arrivals, plan: Plan, chance: random.Random
) -> None:
    pairs = list(zip(sent.records, sent.received, strict=True))
    again = [*pairs, *pairs]
    chance.shuffle(again)
    records, received = map(list, zip(*again, strict=True))
    once, twice = _run(sent, plan), _run(Arrivals(records, received), plan)
    _assert_same_tables(once, twice, letters=2)


@examples(25)
@given(arrivals(), plans(), st.integers(2, 9), st.integers(2, 9))
def test_blocks_and_shards_change_nothing(
    sent: Arrivals, plan: Plan, blocks: int, shards: int
) -> None:
    whole, cut = _run(sent, plan), _run(sent, replace(plan, blocks=blocks, shards=shards))
    _assert_same_tables(whole, cut)
    names = whole.counts.keys() | cut.counts.keys()
    assert {n: whole.counts[n] for n in names} == {n: cut.counts[n] for n in names}


def _assert_same_tables(first: Result, second: Result, letters: int = 1) -> None:
    assert first.tables.keys() == second.tables.keys()
    for name in first.tables.keys() - {"dead_letters"}:
        assert of_table(name, second.tables, first.tables[name]) == []
    before, after = first.tables["dead_letters"], second.tables["dead_letters"]
    assert comparable(before * letters) == comparable(after)


@examples(40)
@given(arrivals(), plans())
def test_counters_conserve(sent: Arrivals, plan: Plan) -> None:
    result = _run(sent, plan)
    counts = result.counts
    parts = ("events", "duplicates", "dead_letters", "excluded", "out_of_range")
    assert counts["records_read"] == sum(counts[p] for p in parts) == len(sent.records)
    assert counts["events"] == len(result.tables.get("events", []))
    assert counts["sessions"] == len(result.tables.get("sessions", []))
    reasons = Counter(row["reason"] for row in result.tables["dead_letters"])
    assert {r: counts[f"dead_letters/{r}"] for r in reasons} == dict(reasons)


@examples(40)
@given(arrivals(), plans(splits=False))
def test_sessions_do_not_overlap_without_split_rules(sent: Arrivals, plan: Plan) -> None:
    options = {**plan.options, "max_session_hours": 24 * 365}
    sessions = _run(sent, replace(plan, options=options)).tables.get("sessions", [])
    gap = timedelta(seconds=options["session_gap_seconds"])
    for rows in _by_student(sessions).values():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["session_start"])):
            assert later["session_start"] - earlier["session_end"] > gap


@examples(40)
@given(arrivals(), plans())
def test_no_duration_is_negative_and_active_time_fits(sent: Arrivals, plan: Plan) -> None:
    tables = _run(sent, plan).tables
    for row in tables.get("sessions", []):
        assert 0 <= row["active_seconds"] <= row["session_duration_seconds"]
    for row in tables.get("chapter_visits", []):
        assert 0 <= row["active_seconds"] <= row["time_spent_seconds"]
    for row in tables.get("page_views", []):
        assert 0 <= row["active_seconds"] <= row["dwell_seconds"]
    for row in tables.get("video_views", []):
        assert 0 <= row["unique_watched_seconds"] <= row["watched_seconds"]


@examples(40)
@given(arrivals(), plans())
def test_hours_share_out_exactly_the_time_of_the_visits(sent: Arrivals, plan: Plan) -> None:
    tables = _run(sent, plan).tables
    assert _milliseconds(tables, "chapter_hourly_activity") == _milliseconds(
        tables, "chapter_visits"
    )
    started = sum(row["visits_count"] for row in tables.get("chapter_hourly_activity", []))
    assert started == len(tables.get("chapter_visits", []))


def _milliseconds(tables: dict[str, Rows], name: str) -> int:
    return sum(round(row["time_spent_seconds"] * 1000) for row in tables.get(name, []))


@examples(25)
@given(arrivals(), arrivals(), plans(splits=False))
def test_contributions_can_be_taken_back(first: Arrivals, second: Arrivals, plan: Plan) -> None:
    """Adding and subtracting what others contribute leaves exactly what was there."""
    mine, other = (_run(sent, plan).contributions for sent in (first, second))
    taken = [{name: take_back(name, f) for name, f in frames.items()} for frames in other]
    before, after = total(mine), total([*mine, *other, *taken])
    for name in before:
        left, kept = (drop_zeros(name, totals[name]) for totals in (after, before))
        assert left.columns == kept.columns
        assert comparable(left.to_dicts()) == comparable(kept.to_dicts())


def _by_student(rows: Rows) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row["student_hash"], []).append(row)
    return found


def test_a_row_is_the_same_to_the_last_bit_whoever_stands_beside_it() -> None:
    mine = [_click("s1", 0), _click("s1", 300_001)]
    alone, together = (run(r, Plan()).tables["sessions"] for r in (mine, [*mine, _click("s2", 0)]))
    student = alone[0]["student_hash"]
    assert comparable(alone) == comparable(r for r in together if r["student_hash"] == student)


def _click(student: str, at_ms: int) -> bytes:
    event = {"event_id": f"{at_ms}", "student_id": student, "timestamp": at_ms}
    return json.dumps(event).encode()
