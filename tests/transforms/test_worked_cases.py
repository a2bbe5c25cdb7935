"""Does every worked case hold, in any order of arrival, with records repeated, and in envelopes?"""

import random
from datetime import datetime
from typing import Any

import pytest

from tests.compare_rows import DEFAULT_KEY, compare_rows, load_cases, record_bytes
from tests.in_memory import Plan, run
from tests.transforms.both_engines import envelope

CASES = load_cases()
NOT_OF_METRICS = frozenset({"received_at"})
LONG_AFTER_MS = 4_102_444_800_000
for_every_case = pytest.mark.parametrize("case", [c for _, c in CASES], ids=[n for n, _ in CASES])

Case = dict[str, Any]
Sent = list[tuple[int, bytes]]
"""Records with the place of each in the case, from 1."""


def _sent(case: Case) -> Sent:
    return list(enumerate(map(record_bytes, case["events"]), start=1))


def _received_ms(case: Case) -> int | None:
    text = case["options"].get("received_at")
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def _plan(case: Case, **cut: int) -> Plan:
    limits_off = {"max_future_seconds": 0, "max_age_days": 0}
    given = {k: v for k, v in case["options"].items() if k not in NOT_OF_METRICS}
    return Plan(limits_off | given, case["catalog"], **cut)


def _problems(case: Case, sent: Sent, copies: int = 1, wraps: bool = False, **cut: int) -> list:
    """What differs from the expected rows when these records arrive."""
    received = _received_ms(case)
    place_of = dict(enumerate((place for place, _ in sent), start=1))
    if received is not None or wraps:
        moment = LONG_AFTER_MS if received is None else received
        # An envelope's message id is the place of the record among those sent.
        records = [envelope(r, moment, n) for n, (_, r) in enumerate(sent, start=1)]
    else:
        records = [record for _, record in sent]
    tables = run(records, _plan(case, **cut)).tables
    letters = [{**row, "line": place_of[row["line"]]} for row in tables["dead_letters"]]
    found = tables | {"dead_letters": letters}
    expected = dict(case["expected"])
    expected["dead_letters"] = expected.get("dead_letters", []) * copies
    key = case["options"].get("key", DEFAULT_KEY)
    return [
        f"{table}: {problem}"
        for table, rows in expected.items()
        for problem in compare_rows(rows, found.get(table, []), key)
    ]


@for_every_case
def test_case_holds_in_given_order(case: Case) -> None:
    assert _problems(case, _sent(case)) == []


@for_every_case
def test_case_holds_in_reversed_order(case: Case) -> None:
    assert _problems(case, _sent(case)[::-1]) == []


@for_every_case
def test_case_holds_in_any_order_cut_into_blocks_and_shards(case: Case) -> None:
    for seed in range(3):
        shuffled = random.Random(seed).sample(_sent(case), len(case["events"]))
        assert _problems(case, shuffled, blocks=2 + seed, shards=1 + 2 * seed) == []


@for_every_case
def test_case_holds_with_every_record_sent_twice(case: Case) -> None:
    assert _problems(case, _sent(case) * 2, copies=2, blocks=2) == []


@for_every_case
def test_case_holds_for_records_in_envelopes_of_the_raw_zone(case: Case) -> None:
    assert _problems(case, _sent(case), wraps=True) == []
