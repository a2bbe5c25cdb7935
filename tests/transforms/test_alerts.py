"""Do live alerts open once, close on recovery, and depend on nothing but the events?"""

import datetime
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reference.alerts import find_incidents
from benchmarks.reference.records import Record
from schemas import tables
from tests.transforms.busy_school import (
    BEGIN_MS,
    clicks,
    facts_of,
    frames,
    incidents,
    interval,
    later,
    lively,
    views,
)
from tests.transforms.test_properties import examples
from transforms.alert_options import DAY_MS, MINUTE_MS, AlertOptions, AlertRules
from transforms.gather_facts import gather_facts, needed
from transforms.judge_minutes import AlertState, judge_until
from transforms.keep_alert_state import keep_state, restore_state
from transforms.options import MetricOptions
from transforms.rate_videos import empty_window, move
from transforms.track_incidents import Incident, alert_rows

DEFAULTS = AlertRules()
DROP, VIDEOS, IDLE = "active_students_drop", "low_video_engagement", "many_idle_students"
LIMITS = {"drop_from_students": 4, "video_views": 2, "idle_students": 2, "new_level_minutes": 20}
SMALL = AlertRules(AlertOptions(**LIMITS))
LONG_AFTER_MS = BEGIN_MS + 400 * MINUTE_MS
Seen = tuple[str, int, int | None]


def _minute(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else (milliseconds - BEGIN_MS) // MINUTE_MS


def _seen(found: Iterable[Incident], kind: str) -> list[tuple[int | None, int | None]]:
    """(opened, closed) of each change, in minutes since the beginning."""
    return [(_minute(i.opened_ms), _minute(i.closed_ms)) for i in _of(found, kind)]


def _of(found: Iterable[Incident], kind: str) -> list[Incident]:
    return [incident for incident in found if incident.kind == kind]


def _clicks(*phases: tuple[int, int]) -> list[bytes]:
    """Students that click every minute, for some minutes each."""
    sent, minute = [], 0
    for students, minutes in phases:
        for at in range(minute, minute + minutes):
            sent += clicks(range(students), at)
        minute += minutes
    return sent


def _found(sent: list[bytes], until: int, rules: AlertRules = DEFAULTS) -> list[Incident]:
    return incidents(sent, BEGIN_MS + until * MINUTE_MS, rules)


def test_fall_of_forty_percent_opens_once() -> None:
    sent = _clicks((100, 10), (60, 20))
    found = _found(sent, 30)
    # The last click of the others, at the 9th minute, is five minutes old when minute 15 ends.
    assert _seen(found, DROP) == [(15, None)]
    assert found[0].value == pytest.approx(0.4)
    assert "from 100 to 60" in found[0].explanation


def test_fall_just_short_of_forty_percent_is_none() -> None:
    assert _seen(_found(_clicks((100, 10), (61, 20)), 30), DROP) == []


def test_fall_from_fewer_than_twenty_students_is_none() -> None:
    assert _seen(_found(_clicks((19, 10), (1, 20)), 30), DROP) == []


def test_drop_to_silence_is_seen_without_any_event() -> None:
    found = _found(_clicks((50, 10)), 20)
    assert _seen(found, DROP) == [(15, None)]


def test_drop_closes_after_five_minutes_of_recovery() -> None:
    found = _found(_clicks((100, 10), (50, 20), (90, 20)), 50)
    assert _seen(found, DROP) == [(15, None), (15, 36)]
    assert _of(found, DROP)[-1].revision == 2
    assert "90 students active, 100 before the fall" in _of(found, DROP)[-1].explanation


def test_students_who_come_and_go_do_not_make_it_flap() -> None:
    phases = [(100, 10), *[(50, 9), (90, 1)] * 4, (90, 20)]
    found = _found(_clicks(*phases), 70)
    assert [closed for _, closed in _seen(found, DROP)].count(None) == 1
    assert len(_seen(found, DROP)) == 2


def test_lower_level_is_taken_as_new_after_an_hour() -> None:
    found = _found(_clicks((100, 10), (50, 100)), 110)
    assert _seen(found, DROP) == [(15, None), (15, 80)]
    assert "new level" in _of(found, DROP)[-1].explanation


def test_fall_that_is_usual_at_this_time_of_day_is_none() -> None:
    days = [_clicks((50, 10), (20, 5)) for _ in range(4)]
    minutes: dict[int, pl.DataFrame] = {}
    for day, sent in enumerate(days):
        shift = pl.lit(day * 86_400_000)
        moved = [f.with_columns(pl.col("occurred_ms", "ended_ms") + shift) for f in frames(sent)]
        minutes |= facts_of([moved])
    _, found = judge_until(AlertState(), minutes, BEGIN_MS + 5 * 86_400_000, DEFAULTS)
    opened = [_minute(i.opened_ms) for i in found if i.kind == DROP and i.closed_ms is None]
    assert opened == [15, 1440 + 15, 2 * 1440 + 15]


def test_many_idle_students_open_and_close() -> None:
    found = _found(_clicks((100, 10), (65, 60)), 70)
    assert _seen(found, IDLE) == [(15, None), (15, 45)]
    assert found[0].explanation.startswith("35 of 100 students")


def test_videos_that_are_hardly_watched_raise_an_alert_until_watched_again() -> None:
    sent = views(range(12), 0, 2) + views(range(20, 60), 3, 19)
    found = _found(sent, 40)
    assert _seen(found, VIDEOS) == [(1, None), (1, 9)]
    assert found[0].value == pytest.approx(0.1)


def test_nine_views_are_too_few_to_judge() -> None:
    assert _seen(_found(views(range(9), 0, 2), 40), VIDEOS) == []


def test_open_play_counts_until_the_next_event_of_any_kind() -> None:
    sent = [r for r in views(range(12), 0, 2) if b"video_pause" not in r]
    sent += clicks(range(12), 1)
    found = _found(sent, 3)
    assert _seen(found, VIDEOS) == [(1, None)]  # at the end of minute 0 nothing is credited yet
    assert len(_seen(_found(sent, 10), VIDEOS)) == 2


def test_event_at_the_millisecond_of_a_play_does_not_end_it() -> None:
    sent = [r for r in views(range(12), 0, 2) if b"video_pause" not in r]
    sent += clicks(range(12), 0, apart_ms=0) + clicks(range(12), 0.25, apart_ms=0)
    assert _seen(_found(sent, 3), VIDEOS) == []


def _comparable(found: Iterable[Incident]) -> list[tuple]:
    last = {i.alert_id: i for i in found}
    return sorted((i.opened_ms, i.kind, i.closed_ms, i.alert_id) for i in last.values())


@examples(8)
@given(st.randoms(use_true_random=False))
def test_incidents_are_those_of_the_reference(chance: Random) -> None:
    sent = lively(chance)
    until = (BEGIN_MS // MINUTE_MS + chance.randrange(5, 400)) * MINUTE_MS
    expected = find_incidents(
        [Record(r, None, "memory", str(n)) for n, r in enumerate(sent)], until, LIMITS
    )
    found = incidents(sent, until, SMALL)
    assert _comparable(found) == [
        (i["opened_ms"], i["kind"], i["closed_ms"], i["alert_id"]) for i in expected
    ]
    values = {i.alert_id: i.value for i in found}
    assert all(values[i["alert_id"]] == pytest.approx(i["value"]) for i in expected)


def test_interval_that_ends_far_ahead_counts_until_five_minutes_after_its_receipt() -> None:
    sent = [interval(student, BEGIN_MS, BEGIN_MS + DAY_MS - 1) for student in range(8)]
    received = BEGIN_MS + 1_000
    frame = frames(sent)[0].with_columns(received_ms=pl.lit(received, pl.Int64))
    minutes = dict(gather_facts([needed(frame)]))
    assert list(minutes) == [BEGIN_MS + 6 * MINUTE_MS]
    found = judge_until(AlertState(), minutes, LONG_AFTER_MS, SMALL)[1]
    records = [Record(r, received, "memory", str(n)) for n, r in enumerate(sent)]
    expected = find_incidents(records, LONG_AFTER_MS, LIMITS)
    assert {i.kind for i in found} == {DROP, IDLE}
    assert _comparable(found) == [
        (i["opened_ms"], i["kind"], i["closed_ms"], i["alert_id"]) for i in expected
    ]


@examples(2)
@given(st.randoms(use_true_random=False))
def test_falls_that_are_usual_are_those_of_the_reference(chance: Random) -> None:
    """Over the beginning of summer time in Berlin's zone, 26 days after the beginning."""
    sent = [r for day in range(26, 30) for r in later(lively(Random(chance.randrange(3))), day)]
    until, given = BEGIN_MS + 30 * DAY_MS, {**LIMITS, "usual_days": 3, "usual_days_needed": 2}
    told = {"reporting_timezone": "Europe/Berlin"}
    records = [Record(r, None, "memory", str(n)) for n, r in enumerate(sent)]
    expected = find_incidents(records, until, given, told)
    rules = AlertRules(AlertOptions(**given), MetricOptions(**told))
    found = incidents(sent, until, rules)
    assert [row[:2] for row in _comparable(found)] == [
        (i["opened_ms"], i["kind"]) for i in expected
    ]


@examples(4)
@given(st.randoms(use_true_random=False))
def test_order_bundles_and_copies_change_no_incident(chance: Random) -> None:
    sent = lively(chance)
    again = [*sent, *chance.sample(sent, len(sent) // 2)]
    chance.shuffle(again)
    expected = incidents(sent, LONG_AFTER_MS, SMALL)
    assert incidents(again, LONG_AFTER_MS, SMALL, blocks=chance.randrange(1, 8)) == expected


@examples(4)
@given(st.randoms(use_true_random=False))
def test_restart_between_any_two_minutes_changes_nothing(chance: Random) -> None:
    minutes = facts_of([frames(lively(chance))])
    whole, expected = judge_until(AlertState(), minutes, LONG_AFTER_MS, SMALL)
    kept, found, at = None, [], min(minutes, default=LONG_AFTER_MS) - MINUTE_MS
    while at < LONG_AFTER_MS:
        at = min(at + chance.choice((1, 1, 7, 60)) * MINUTE_MS, LONG_AFTER_MS)
        state, changed = judge_until(restore_state(kept), minutes, at, SMALL)
        kept, found = keep_state(state), found + changed
    assert found == expected
    assert restore_state(kept).incidents == whole.incidents


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_share_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="drop_share"):
        AlertOptions(drop_share=share)


def test_facts_of_no_events_are_none() -> None:
    assert list(gather_facts([])) == []


def test_window_of_videos_stays_small_by_keeping_fewer_students() -> None:
    rules = replace(DEFAULTS, alerts=AlertOptions(video_events_most=200))
    window = empty_window()
    for minute in range(4):
        facts = facts_of([frames(views(range(300), minute, 10))])
        ((end_ms, frame),) = facts.items()
        window = move(window, frame, end_ms, rules)
        assert 0 < window.events.height <= 200
    assert window.halvings >= 3
    assert window.events["student"].n_unique() < 80


def test_row_of_an_incident_is_a_row_of_the_table() -> None:
    opened, closed = _of(_found(_clicks((100, 10), (50, 20), (90, 20)), 50), DROP)
    now = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    rows = alert_rows([opened, closed], "Asia/Tokyo", now)
    named = [column.name for column in tables.get("alerts").columns]
    assert set(rows.columns) == {*named, "revision", "is_deleted"}
    assert rows["date"][0] == datetime.date(2026, 3, 1)
    assert rows["opened_at"][0] == datetime.datetime(2026, 3, 1, 10, 15, tzinfo=datetime.UTC)
