"""What is told to the live store of a flush of events?"""

import random

import numpy as np
import pytest

from schemas.vocabulary import EVENT_TYPES
from tests.pipelines.live_events import MINUTE, NOW, event, frame
from transforms.describe_live import ENTRY_BYTES, LATEST, describe_live
from transforms.options import MetricOptions
from transforms.score_engagement import score_engagement, weight_tenths

OPTIONS = MetricOptions()


def test_nothing_is_told_of_no_events() -> None:
    assert describe_live(frame([]), OPTIONS) is None


def test_newest_known_value_of_each_fact_is_told_with_its_moment() -> None:
    events = [
        event("s", "1", NOW, class_id=None, chapter_id="new"),
        event("s", "2", NOW - 5, class_id="a", chapter_id="old"),
        event("t", "3", NOW - 9, browser="Firefox"),
    ]
    update = describe_live(frame(events, NOW - 60_000), OPTIONS)
    assert update is not None
    first, second = update.students
    assert first.facts[:4] == ["", f"{NOW} new", "", f"{NOW - 5} a"]
    assert (first.event, second.facts[5]) == (f"{NOW} 1", f"{NOW - 9} Firefox")
    assert (update.newest_ms, update.watermark_ms, update.event_count) == (NOW, NOW - 60_000, 3)


def test_interval_counts_at_its_end_and_keeps_the_session_open() -> None:
    events = [event("s", "1", NOW - 50 * MINUTE, ended_ms=NOW), event("s", "2", NOW - 80 * MINUTE)]
    update = describe_live(frame(events), OPTIONS)
    assert update is not None
    (student,) = update.students
    assert student.last_ms == NOW
    assert student.stretches == [NOW - 80 * MINUTE, NOW]


@pytest.mark.parametrize(
    ("received", "max_future_ms", "expected"),
    [
        (NOW, 300_000, NOW + 5 * MINUTE),
        (NOW + 60 * MINUTE, 300_000, NOW + 60 * MINUTE),
        (NOW - 30 * MINUTE, 300_000, NOW),  # the start was too far ahead as well
        (None, 300_000, NOW + 60 * MINUTE),
        (NOW, 0, NOW + 60 * MINUTE),
    ],
)
def test_interval_counts_at_most_so_much_after_its_receipt(
    received: int | None, max_future_ms: int, expected: int
) -> None:
    ahead = event("s", "1", NOW, ended_ms=NOW + 60 * MINUTE, received_ms=received)
    update = describe_live(frame([ahead]), OPTIONS, max_future_ms)
    assert update is not None
    assert (update.newest_ms, update.students[0].last_ms) == (expected, expected)
    assert update.students[0].stretches == [NOW, expected]
    assert update.cells[0][0] == expected // MINUTE


def test_stretches_end_where_more_than_a_gap_follows() -> None:
    moments = [NOW, NOW - 30 * MINUTE, NOW - 60 * MINUTE - 1, NOW - 200 * MINUTE]
    update = describe_live(frame(event("s", str(at), at) for at in moments), OPTIONS)
    assert update is not None
    assert update.students[0].stretches == [
        *(moments[3], moments[3], moments[2], moments[2], moments[1], moments[0])
    ]


def test_days_are_those_of_the_reporting_zone() -> None:
    at = NOW - NOW % 86_400_000 - 60 * MINUTE  # 23:00 UTC
    for zone, days in (("UTC", 0), ("Asia/Tokyo", 1), ("America/Lima", 0)):
        update = describe_live(frame([event("s", "1", at)]), MetricOptions(reporting_timezone=zone))
        assert update is not None
        assert update.students[0].days == [at // 86_400_000 + days]


def test_order_of_a_flush_does_not_matter() -> None:
    chance = random.Random(2)
    events = [
        event(f"s{chance.randrange(4)}", str(n), NOW - n % 5, class_id=chance.choice("ab"))
        for n in range(40)
    ]  # fmt: skip
    told = []
    for _ in range(5):
        chance.shuffle(events)
        update = describe_live(frame(events), OPTIONS)
        assert update is not None
        assert len(update.latest) == LATEST
        entries = [
            sorted(s.entries[at : at + ENTRY_BYTES] for at in range(0, len(s.entries), ENTRY_BYTES))
            for s in update.students
        ]
        plain = [s._replace(entries=b"", cells=[]) for s in update.students]
        told.append((plain, entries, sorted(update.latest), sorted(update.cells)))
    assert all(one == told[0] for one in told)


def test_frames_without_a_watermark_are_understood() -> None:
    update = describe_live(frame([event("s", "1", NOW)]).drop("watermark_ms"), OPTIONS)
    assert update is not None
    assert update.watermark_ms is None


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_event_type_has_a_weight(kind: str) -> None:
    family = kind.partition("_")[0]
    expected = {"video": 10, "quiz": 8, "assignment": 8}.get(family, 3)
    assert weight_tenths(kind) == (5 if kind in ("page_view", "chapter_view") else expected)


def test_score_is_the_sum_of_its_shares() -> None:
    scores = score_engagement(
        np.array([0, 120_000, -5]), np.array([20, 0, 10]), np.array([1_800_000, 0, 900_000]),
        np.array([7, 0, 3]),
    )  # fmt: skip
    assert scores == pytest.approx([100, 17.5, 35 + 17.5 + 10 + 30 / 7])
