"""Is an odd chapter-day found, and an ordinary one left alone? And odd visits and sessions?"""

import datetime
import json
from typing import Any

import polars as pl
import pytest

from tests.in_memory import Plan, run
from transforms.detect_chapters import (
    detect_low_engagement,
    detect_trends,
    history_of,
    touched_by,
)

DAY = datetime.date(2025, 11, 30)
EXPECTED = {"course_id": pl.String, "chapter_id": pl.String, "expected_ms": pl.Float64}


def _days(times: dict[int, float], chapter: str = "c1") -> pl.DataFrame:
    """Chapter-days by days before DAY: the median time of each."""
    return pl.DataFrame(
        [
            {
                "course_id": None,
                "chapter_id": chapter,
                "date": DAY - datetime.timedelta(days=back),
                "median_time_per_visit_seconds": time,
            }
            for back, time in times.items()
        ],
        schema_overrides={"course_id": pl.String},
    )


def _trends(times: dict[int, float]) -> list[dict[str, Any]]:
    return detect_trends(_days(times), [DAY]).to_dicts()


STEADY = {1: 580.0, 2: 590.0, 3: 600.0, 4: 600.0, 5: 600.0, 6: 610.0, 7: 630.0}
"""Median 600, absolute deviations 20 10 0 0 0 10 30: MAD 10."""


def test_a_median_far_above_its_history_is_a_spike() -> None:
    (row,) = _trends(STEADY | {0: 900.0})
    assert (row["kind"], row["date"], row["value"], row["expected"]) == (
        "chapter_time_spike", DAY, 900.0, 600.0,
    )  # fmt: skip
    assert row["score"] == pytest.approx(0.6745 * 300 / 10 / 3.5, rel=1e-12)
    assert (row["severity"], row["course_id"], row["chapter_id"]) == ("high", None, "c1")


def test_a_median_far_below_its_history_is_a_drop() -> None:
    (row,) = _trends(STEADY | {0: 540.0})
    assert (row["kind"], row["severity"]) == ("chapter_time_drop", "low")
    assert row["score"] == pytest.approx(0.6745 * 60 / 10 / 3.5, rel=1e-12)


@pytest.mark.parametrize(("time", "found"), [(651.0, 0), (652.0, 1), (549.0, 0), (548.0, 1)])
def test_the_bound_is_a_robust_z_of_three_and_a_half(time: float, found: int) -> None:
    assert len(_trends(STEADY | {0: time})) == found


def test_a_history_without_spread_finds_nothing() -> None:
    assert _trends(dict.fromkeys(range(1, 11), 600.0) | {0: 9000.0}) == []


def test_fewer_than_seven_days_of_history_find_nothing() -> None:
    six = {back: time for back, time in STEADY.items() if back < 7}
    assert _trends(six | {0: 9000.0}) == []
    assert len(_trends(six | {28: 630.0, 0: 9000.0})) == 1
    assert _trends(six | {29: 630.0, 0: 9000.0}) == []


def test_days_after_and_other_chapters_are_no_history() -> None:
    six = {back: time for back, time in STEADY.items() if back < 7}
    assert _trends(six | {-1: 630.0, 0: 9000.0}) == []
    both = pl.concat([_days(six | {0: 9000.0}), _days({7: 630.0}, "c2")])
    assert detect_trends(both, [DAY]).is_empty()


def test_trends_touch_the_28_days_after_and_need_the_28_before() -> None:
    month = datetime.timedelta(days=28)
    assert (min(touched_by([DAY])), max(touched_by([DAY]))) == (DAY, DAY + month)
    assert (min(history_of([DAY])), max(history_of([DAY]))) == (DAY - month, DAY)
    assert len(touched_by([DAY])) == len(history_of([DAY])) == 29


def _low(visits: int, rate: float | None, active: float, minutes: float | None) -> list[dict]:
    day = {
        "date": DAY, "course_id": "k", "chapter_id": "c", "visits_count": visits,
        "drop_off_rate": rate, "median_active_seconds": active,
    }  # fmt: skip
    chapters = pl.DataFrame([day], schema_overrides={"drop_off_rate": pl.Float64})
    expected = None if minutes is None else minutes * 60_000
    known = pl.DataFrame([("k", "c", expected)], schema=EXPECTED, orient="row")
    return detect_low_engagement(chapters, known).to_dicts()


@pytest.mark.parametrize(
    ("visits", "rate", "active", "minutes", "expected"),
    [
        (5, 0.7, 500.0, None, (0.7, 0.7)),
        (4, 1.0, 0.0, 10, None),
        (5, 0.69, 500.0, 10, None),
        (5, 0.69, 119.9, 10, (119.9, 120.0)),
        (5, None, 120.0, 10, None),
        (5, None, 0.0, None, None),
        (9, 0.8, 0.0, 10, (0.8, 0.7)),
    ],
)
def test_a_chapter_that_many_leave_or_hurry_through_is_found(
    visits: int, rate: float | None, active: float, minutes: float | None, expected: Any
) -> None:
    rows = _low(visits, rate, active, minutes)
    assert [(row["value"], row["expected"]) for row in rows] == ([expected] if expected else [])


def _event(at_ms: int, **fields: Any) -> bytes:
    event = {"event_id": f"e{at_ms}", "student_id": "s", "timestamp": at_ms}
    return json.dumps(event | fields).encode()


def _kinds(*records: bytes, **options: Any) -> dict[str, dict[str, Any]]:
    return {row["kind"]: row for row in run(records, Plan(options)).tables["anomalies"]}


def test_a_session_over_eight_hours_is_over_long() -> None:
    eight = 8 * 3_600_000
    gap = {"session_gap_seconds": 86_400}
    assert _kinds(_event(0), _event(eight), **gap) == {}
    row = _kinds(_event(0), _event(eight + 1), **gap)["over_long_session"]
    assert (row["value"], row["severity"]) == (pytest.approx(28_800.001), "low")


def test_a_device_that_changes_and_changes_back_within_a_minute_overlaps() -> None:
    def session(last: int) -> list[bytes]:
        devices = {0: "mobile", 5: None, 30_000: "web", last: "phone"}
        return [_event(at, device=device) for at, device in devices.items()]

    assert "overlapping_devices" in _kinds(*session(60_000))
    assert "overlapping_devices" not in _kinds(*session(60_001))


def test_an_anomaly_flags_its_session() -> None:
    records = [_event(at, device=d) for at, d in ((0, "web"), (1, "ios"), (2, "web"))]
    tables = run(records, Plan()).tables
    assert [row["is_anomalous"] for row in tables["sessions"]] == [True]
    assert tables["anomalies"][0]["session_id"] == tables["sessions"][0]["session_id"]
