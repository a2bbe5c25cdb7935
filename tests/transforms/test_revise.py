"""Do corrections, one after the other, end where a single computation over everything ends?"""

import datetime
import random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulate import simulate
from tests.in_memory import Plan, Result, derive_options, run
from tests.transforms.adversaries import Arrivals, arrivals, plans
from tests.transforms.both_engines import wrap
from tests.transforms.in_stream import Stream, differences, stream
from tests.transforms.test_properties import examples
from transforms.detect_chapters import TREND_KINDS
from transforms.pack_events import FIELDS, OCCURRED, Row, unpack_rows
from transforms.retain import Kept, Retention, link, retain

YEARS = datetime.timedelta(days=9999)
HOUR_MS = 3_600_000


def _batch(sent: Arrivals, plan: Plan) -> Result:
    result = run(wrap(sent.records, sent.received), plan)
    del result.tables["dead_letters"]
    return result


def _streamed(
    bundles: list[tuple[pl.DataFrame, int]], plan: Plan, lateness: datetime.timedelta
) -> Stream:
    return stream(bundles, derive_options(plan), lateness)


def _bundles(events: pl.DataFrame, chance: random.Random) -> list[pl.DataFrame]:
    bundles, first = [], 0
    while first < events.height:
        size = chance.choice((1, 1, 2, 5, 20))
        bundles.append(events[first : first + size])
        first += size
    return bundles


@examples(40)
@given(arrivals(), plans(), st.randoms(use_true_random=False))
def test_any_order_copies_and_bundles_end_like_batch(
    sent: Arrivals, plan: Plan, chance: random.Random
) -> None:
    batch = _batch(sent, plan)
    if batch.events.is_empty():
        return
    events = pl.concat([batch.events, batch.events]).drop("shard")
    order = list(range(events.height))
    chance.shuffle(order)
    bundles = [(part, 0) for part in _bundles(events[order], chance)]
    end = _streamed(bundles, plan, YEARS)
    assert differences(end.store.tables(), batch.tables) == []
    assert end.counts["events"] == batch.counts["events"]
    assert end.counts["duplicates"] == batch.counts["duplicates"] + batch.events.height


@examples(40)
@given(arrivals(), plans(), st.randoms(use_true_random=False))
def test_what_is_forgotten_behind_the_watermark_changes_no_row(
    sent: Arrivals, plan: Plan, chance: random.Random
) -> None:
    batch = _batch(sent, plan)
    if batch.events.is_empty():
        return
    ends = pl.col("ended_ms").fill_null(pl.col("occurred_ms"))
    events = batch.events.drop("shard").sort(ends)
    bundles, watermark_ms = [], 0
    for part in _bundles(events, chance):
        bundles.append((part, watermark_ms))
        # Nothing later than an hour behind the newest event will come: here nothing at all is late.
        watermark_ms = max(watermark_ms, int(part.select(ends.max()).item()))
    end = _streamed(bundles, plan, datetime.timedelta(hours=1))
    assert differences(end.store.tables(), batch.tables) == []


def test_trends_over_days_that_are_given_up_end_like_batch() -> None:
    school = simulate(students=10, days=12, seed=0, envelopes=True)
    plan = Plan(catalog=school.catalog, questions=school.questions)
    batch = run(school.records, plan)
    del batch.tables["dead_letters"]
    chance, ends = random.Random(5), pl.col("ended_ms").fill_null(pl.col("occurred_ms"))
    events = batch.events.drop("shard")
    heard = [ms + chance.randrange(6 * HOUR_MS) for ms in events.select(ends).to_series()]
    events = events[sorted(range(events.height), key=heard.__getitem__)]
    bundles, watermark_ms = [], 0
    for part in events.iter_slices(-(-events.height // 16)):
        bundles.append((part, watermark_ms))
        watermark_ms = max(watermark_ms, int(part.select(ends.max()).item()) - HOUR_MS)
    end = _streamed(bundles, plan, datetime.timedelta(hours=6))
    assert differences(end.store.tables(), batch.tables) == []
    kinds = {row["kind"] for row in batch.tables["anomalies"]}
    assert kinds & set(TREND_KINDS), "there is nothing to compare"


def test_a_robot_that_never_rests_keeps_little_state() -> None:
    minutes = 14 * 24 * 60
    start_ms = 1_772_366_400_000
    records = [
        b'{"event_id":"e%d","student_id":"robot","timestamp":%d,"event_type":"click"}'
        % (n, start_ms + n * 20 * 60_000)
        for n in range(minutes // 20)
    ]
    plan = Plan()
    batch = run(records, plan)
    del batch.tables["dead_letters"]
    events = batch.events.drop("shard")
    bundles = [(part, int(part["occurred_ms"].max())) for part in events.iter_slices(36)]
    end = _streamed(bundles, plan, datetime.timedelta(hours=24))
    assert differences(end.store.tables(), batch.tables) == []
    assert len(end.kept) == 1
    (kept,) = end.kept.values()
    assert sum(len(chain.packed) for chain in kept.chains) < 20_000, (
        "a week of clicks would be three times as long"
    )


def test_only_the_sessions_that_new_events_join_are_derived_again() -> None:
    noon, minute_ms = 12 * HOUR_MS, 60_000
    mornings = [_events_at(day * 24 * HOUR_MS + 10 * HOUR_MS) for day in range(3)]
    retention = Retention(30 * minute_ms, 24 * HOUR_MS, 24 * HOUR_MS)
    rows = [row for day in mornings for row in day]
    known = Kept(link([*rows, *_events_at(noon * 5)], retention.session_gap_ms), 0, 7)
    near = mornings[2][0][OCCURRED] + 30 * minute_ms
    changed, kept = retain("s", known, _events_at(near), 0, retention)
    assert (changed.before, len(changed.after)) == (mornings[2], 2)
    assert ([len(unpack_rows(c.packed)) for c in kept.chains], kept.revision) == ([1, 1, 1, 2], 8)
    alone, _ = retain("s", known, _events_at(near + 1), 0, retention)
    assert (alone.before, len(alone.after)) == ([], 1)
    bridge = _events_at(*range(near - minute_ms, 5 * noon, 30 * minute_ms))
    linked, one = retain("s", known, bridge, 0, retention)
    assert linked.before == [*mornings[2], *_events_at(noon * 5)]
    assert len(one.chains) == 3


def _events_at(*starts_ms: int) -> list[Row]:
    """Packed events as state has them: all but id and time is missing."""
    rows = []
    for ms in starts_ms:
        values = dict.fromkeys(FIELDS) | {"occurred_ms": ms, "event_id": str(ms), "fingerprint": 0}
        rows.append(tuple(values[name] for name in FIELDS))
    return rows
