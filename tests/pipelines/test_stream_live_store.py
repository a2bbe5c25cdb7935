"""Does the live store say what the reference says, whatever order and copies events come in?"""

import dataclasses
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.reference.live import live_view
from pipelines.live.keys import LiveKeys
from pipelines.live.students import read_students
from pipelines.live.view import LiveOptions, LiveView, read_live
from pipelines.outputs.live_store import LiveStore, pack_update
from tests.pipelines.live_events import MINUTE, NOW, event, frame
from transforms.describe_live import describe_live
from transforms.options import MetricOptions

TYPES = ("page_view", "chapter_view", "video_play", "quiz_answer", "assignment_submit", "login")
OPTIONS = MetricOptions()
STUDENT = "5f" * 32
COLUMNS = ("course_id", "chapter_id", "subject_id", "class_id", "device_type", "browser")


def _write(
    client: redis.Redis, flushes: Sequence[Sequence[dict]], options: MetricOptions = OPTIONS
) -> None:
    store = LiveStore(client, options)
    for flush in flushes:
        update = describe_live(frame(flush, NOW), options)
        assert update is not None
        store.write([pack_update(update)], NOW)


def _comparable(view: LiveView) -> dict[str, Any]:
    """The view by the names and in the shapes of the reference."""
    found = dataclasses.asdict(view)
    found["heat"] = [tuple(cell.values()) for cell in found["heat"]]
    found["latest"] = [(e.moment_ms, e.event_id, e.student_hash) for e in view.latest]
    found["sessions"] = [tuple(line.values()) for line in found["sessions"]]
    return found


def _assert_same(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), where
    elif isinstance(expected, dict):
        for name, value in expected.items():
            _assert_same(found[name], value, f"{where}.{name}")
        assert len(found) >= len(expected), where
    elif isinstance(expected, list):
        assert len(found) == len(expected), f"{where}: {found} {expected}"
        for at, pair in enumerate(zip(found, expected)):
            _assert_same(*pair, f"{where}[{at}]")
    else:
        assert found == expected, where


def _check(client: redis.Redis, events: list[dict], now: int = NOW, timezone: str = "UTC") -> None:
    expected = live_view(events, now, timezone=timezone)
    students = expected.pop("students")
    _assert_same(_comparable(read_live(client, now)), expected, "view")
    known = read_students(client, sorted(students), LiveKeys()).rows.to_dicts()
    assert [row["student_hash"] for row in known] == sorted(students)
    for row in known:
        wanted = students[row["student_hash"]]
        names = {"last_ms": "last", "session_start_ms": "session_start"}
        for name in set(row) - {"student_hash"}:
            assert row[name] == wanted[names.get(name, name)], (row, wanted)


@st.composite
def _events(draw: st.DrawFn) -> list[dict]:
    """Events of few students and ids, some at equal times, over the last hours or days."""
    span = draw(st.sampled_from([5 * MINUTE, 20 * MINUTE, 90 * MINUTE, 5 * 1440 * MINUTE]))
    moments = st.one_of(
        st.integers(NOW - span, NOW), st.sampled_from([NOW - k * 300_000 for k in range(5)])
    )
    texts = st.sampled_from([None, "a", "b"])
    found = {}
    for at, student, number in draw(
        st.lists(st.tuples(moments, st.sampled_from("stu"), st.integers(0, 30)), min_size=1)
    ):
        length = draw(st.sampled_from([None, None, None, 0, 40_000, 25 * MINUTE]))
        ended = None if length is None else min(at + length, max(at, NOW))
        received = draw(st.sampled_from([None, at + 500, at + 5 * MINUTE, (ended or at) + 500]))
        found[student, number, at] = event(
            student, f"id-{number}", at,
            event_type=draw(st.sampled_from(TYPES)), ended_ms=ended, received_ms=received,
            **{name: draw(texts) for name in COLUMNS},
        )  # fmt: skip
    return list(found.values())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=_events(), seed=st.integers(0, 99), size=st.sampled_from([1, 3, 10, 1000]))
def test_any_order_copies_and_replays_give_what_the_reference_gives(
    client: redis.Redis, events: list[dict], seed: int, size: int
) -> None:
    client.flushall()
    chance = random.Random(seed)
    arriving = events + chance.choices(events, k=len(events) // 2)
    chance.shuffle(arriving)
    flushes = [arriving[at : at + size] for at in range(0, len(arriving), size)]
    _write(client, [*flushes, *flushes[len(flushes) // 2 :]])
    _check(client, events)


def test_figures_of_a_busy_school_are_those_of_the_reference(client: redis.Redis) -> None:
    chance = random.Random(4)
    events = [
        event(
            f"{chance.randrange(300):064x}", f"id-{number}", NOW - chance.randrange(50 * MINUTE),
            event_type=chance.choice(TYPES), class_id=f"class-{chance.randrange(12)}",
            chapter_id=f"chapter-{chance.randrange(30)}",
            device_type=chance.choice(["mobile", None]),
        )
        for number in range(6_000)
    ]  # fmt: skip
    _write(client, [events[at : at + 1_000] for at in range(0, 6_000, 1_000)])
    _check(client, events)


def test_scores_decay_and_students_become_idle_without_new_events(client: redis.Redis) -> None:
    events = [event("s", f"id-{n}", NOW - n * MINUTE, class_id="a") for n in range(20)]
    _write(client, [events])
    for minutes in (0, 1, 4, 5, 6, 12, 30, 31):
        _check(client, events, NOW + minutes * MINUTE)
    now, later = (read_live(client, NOW + ms) for ms in (0, 4 * MINUTE))
    assert (now.engagement or 0) > (later.engagement or 100)
    assert read_live(client, NOW + 6 * MINUTE).idle_count == 1
    assert read_live(client, NOW + 31 * MINUTE).sessions[0].kind == "ended"


def test_late_event_begins_the_session_earlier_and_bridges_two(client: redis.Redis) -> None:
    early, late = event("s", "1", NOW - 70 * MINUTE), event("s", "2", NOW - 20 * MINUTE)
    _write(client, [[late], [early]])
    assert len([e for e in read_live(client, NOW).sessions if e.kind == "started"]) == 2
    bridge = event("s", "3", NOW - 45 * MINUTE)
    _write(client, [[bridge]])
    _check(client, [early, late, bridge])
    row = read_students(client, ["s"], LiveKeys()).rows.to_dicts()[0]
    assert row["session_start_ms"] == NOW - 70 * MINUTE


def test_interval_that_says_to_last_until_tomorrow_does_not(client: redis.Redis) -> None:
    ahead = event("s", "1", NOW - MINUTE, ended_ms=NOW + 1440 * MINUTE - MINUTE, received_ms=NOW)
    other = event("t", "2", NOW, class_id="a")
    _write(client, [[ahead], [other]])
    for minutes in (0, 4, 9, 11, 36):
        _check(client, [ahead, other], NOW + minutes * MINUTE)
    view = read_live(client, NOW)
    assert (view.newest_ms, view.active_count) == (NOW + 5 * MINUTE, 2)
    # The minutes of the others are still counted, and it is idle when it says nothing more.
    assert sum(count for _, count in view.events_per_minute) == 1
    assert read_live(client, NOW + 11 * MINUTE).active_count == 0


def test_days_of_a_streak_are_those_of_the_reporting_zone(client: redis.Redis) -> None:
    day = 1440 * MINUTE
    events = [event("s", str(ago), NOW - ago * day) for ago in (0, 1, 2, 4)]
    events.append(event("s", "night", NOW - 12 * 60 * MINUTE))
    zone = MetricOptions(reporting_timezone="Asia/Kolkata")
    _write(client, [events[2:], events[:2]], zone)
    _check(client, events, timezone="Asia/Kolkata")


def test_newest_event_tells_the_time_of_a_replay(client: redis.Redis) -> None:
    events = [event("s", str(n), NOW - n * MINUTE) for n in range(3)]
    _write(client, [events])
    wall = int(time.time() * 1000)
    assert read_live(client, wall).active_count == 0
    replayed = read_live(client, wall, LiveOptions(clock="event"))
    assert (replayed.now_ms, replayed.active_count) == (NOW, 1)


def test_minutes_leave_in_event_time_and_every_key_expires(client: redis.Redis) -> None:
    _write(client, [[event("s", "1", NOW)], [event("s", "2", NOW + 60 * MINUTE)]])
    names = [name for name in client.keys("*") if name.startswith(b"cf:minute:")]
    assert names == [b"cf:minute:%d" % (NOW // MINUTE + 60)]
    lasting = {name for name in client.keys("*") if client.ttl(name) < 0}
    assert lasting == set()


def test_event_older_than_the_window_does_not_bring_its_minute_back(client: redis.Redis) -> None:
    events = [event("s", "1", NOW), event("t", "2", NOW - 40 * MINUTE)]
    _write(client, [events[:1], events[1:], events[1:]])
    assert not client.exists(LiveKeys().minute(NOW // MINUTE - 40))
    _check(client, events)


def test_texts_of_any_kind_and_length_come_back(client: redis.Redis) -> None:
    odd = event("s", "id\x1f\x00é" * 40, NOW, event_name="n" * 500, class_id="Ö\x1e" + "x" * 90)
    _write(client, [[odd]])
    row = read_students(client, ["s"], LiveKeys()).rows.to_dicts()[0]
    assert row["class_id"] == ("Ö\x1e" + "x" * 90)[:48]
    assert read_live(client, NOW).latest[0].event_id == odd["event_id"]


def test_what_the_pipeline_says_of_itself_is_read(client: redis.Redis) -> None:
    _write(client, [[event("s", "1", NOW - 2_500)]])
    view = read_live(client, NOW)
    assert (view.newest_ms, view.watermark_ms) == (NOW - 2_500, NOW)
    assert (view.written_ms, view.lag_ms) == (NOW, 2_000)


def test_every_key_is_documented(client: redis.Redis) -> None:
    text = (Path(__file__).parents[2] / "docs" / "live-store.md").read_text("utf-8")
    documented = {}
    for line in text.splitlines():
        if line.startswith("| `cf:"):
            name, kind = [cell.strip().strip("`") for cell in line.split("|")[1:3]]
            documented[name] = kind
    client.hset("cf:alerts:open", "a", "{}")
    client.rpush("cf:alerts:log", "{}")
    _write(client, [[event(STUDENT, str(n), NOW - n * 40 * MINUTE) for n in range(3)]])
    names = {name: name.decode() for name in client.keys("*")}
    kinds = {
        plain.replace(f":{NOW // MINUTE}", ":<minute>").replace(STUDENT, "<student_hash>"):
        client.type(name).decode().upper()
        for name, plain in names.items()
    }  # fmt: skip
    assert kinds == documented
