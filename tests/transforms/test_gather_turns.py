"""When is an event handed on? At its student's turn, with the others of its bundle."""

import datetime
import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.in_memory import Plan, settings
from transforms.gather_turns import _decode_turn, _Pack
from transforms.parse_events import open_settings
from transforms.parse_stream import StreamSettings, hear

DAY_MS = 86_400_000
NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z
PERIOD_MS, STEP_MS = 300_000, 3_000
MARK_MS = NOON_MS + 10 * PERIOD_MS


def _clock() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(NOON_MS / 1000, datetime.UTC)


def _ignore(name: str, number: int) -> None:
    """Nobody watches."""


PARSING = StreamSettings(open_settings(settings(Plan())), DAY_MS, _clock, _ignore)


def _events(sent: list[tuple[int, int]]) -> pl.DataFrame:
    """Events of (student, seconds after the watermark)."""
    records = [
        {"event_id": f"e{n}", "student_id": f"s{student}", "event_type": "page_view",
         "timestamp": MARK_MS + second * 1000}
        for n, (student, second) in enumerate(sent)
    ]  # fmt: skip
    return hear([(json.dumps(record).encode(), MARK_MS) for record in records], PARSING).events


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(-900, 900)), min_size=1, max_size=60),
    st.integers(1, 4),
)
def test_each_event_waits_for_a_turn_once(sent: list[tuple[int, int]], frames: int) -> None:
    gather = _Pack(STEP_MS, ahead_ms=0)
    gather.start_bundle()
    for first in range(frames):
        if chosen := sent[first::frames]:
            gather.process(_events(chosen))
    turns = list(gather.finish_bundle())
    handed_on = []
    for turn in turns:
        at_ms = turn.timestamp.micros // 1000
        assert (at_ms + 1) % STEP_MS == 0, "its window ends with the turn"
        assert at_ms >= MARK_MS, "its window is still open"
        handed_on += [(student, at_ms) for student, _, _ in _decode_turn(turn.value[1])]
    assert len(handed_on) == len(sent)
    ahead = [at_ms for _, at_ms in handed_on if at_ms >= MARK_MS + STEP_MS]
    assert len(ahead) >= sum(second >= STEP_MS / 1000 for _, second in sent)
    moments: dict[str, set[int]] = {}
    for student, at_ms in handed_on:
        if at_ms >= MARK_MS + STEP_MS:
            moments.setdefault(student, set()).add((at_ms + 1) % PERIOD_MS)
    assert all(len(of_student) == 1 for of_student in moments.values()), "once in a period"


def test_many_events_of_a_bundle_are_few_elements() -> None:
    gather = _Pack(STEP_MS, ahead_ms=0)
    gather.start_bundle()
    for _ in range(3):
        gather.process(_events([(student, 1) for student in range(400)]))
    turns = list(gather.finish_bundle())
    assert sum(len(_decode_turn(turn.value[1])) for turn in turns) == 1200
    assert len(turns) <= 101
    gather.start_bundle()
    assert not list(gather.finish_bundle())
