"""When are a student's new events derived? Soon, and of many students at once.

Windows of event time decide when, never what: each student has turns of its own, so that the work
is spread, and late events hardly wait.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import apache_beam as beam
import msgspec
import polars as pl
import xxhash
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import FixedWindows, GlobalWindow, GlobalWindows
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.pack_events import Row, pack_events, pack_rows, unpack_events, unpack_rows
from transforms.parse_stream import WATERMARK
from transforms.retain import Kept, Retention, StudentEvents, forget_ms, retain
from transforms.ticks import next_tick

_PARTS = 100
"""The students are due in as many parts, one after the other."""

Stamped = tuple[str, int, bytes]
"""A student's event, packed, with the watermark that it was read at."""
Turn = tuple[int, bytes]
"""Events of a part of the students that are due at one moment."""
Pane = tuple[str, bytes]
"""Events of one student, each with the watermark that it was read at."""


@dataclass(frozen=True)
class FollowSettings:
    """`publish_seconds`: an event is handed on after at most this much event time.
    `tick_seconds`: how long panes are gathered, so that many students are derived at once (0: not
    at all). `fingerprint` names the options that the rows depend on: state of others is refused.
    `ahead_seconds`: how far the runner's watermark may be ahead of the one that events are read at.
    """

    retention: Retention
    fingerprint: str
    clock: Callable[[], datetime.datetime]
    publish_seconds: float = 300
    tick_seconds: float = 1
    ahead_seconds: float = 0

    @property
    def step_ms(self) -> int:
        """The time from one part of the students to the next."""
        return max(1, round(self.publish_seconds * 1000) // _PARTS)


class OtherOptionsError(Exception):
    """The state was made with other options: what it emitted cannot be corrected."""


class FollowStudents(beam.PTransform):
    """Hand on what is known of a student whenever there is something new.

    Input: frames of canonical events with `watermark_ms`. Output: `StudentEvents`.
    Time: an event counts at its end. Events ahead of the watermark wait for their student's turn,
    which is a window that fires once; events behind it (late) for the next step after the watermark
    that they were read at. So no event overtakes others that were read long before it.
    State: per student the events that an acceptable event can still change (`Retention`).
    Errors: OtherOptionsError.
    """

    def __init__(self, settings: FollowSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire windows and state."""
        panes = (
            events
            | "GatherTurns" >> beam.ParDo(_Gather(self.settings)).with_output_types(Turn)
            | "WindowTurns" >> beam.WindowInto(FixedWindows(self.settings.step_ms / 1000))
            | "GroupTurns" >> beam.GroupByKey()
            | "SplitStudents" >> beam.FlatMapTuple(_split_students).with_output_types(Pane)
            | "LeaveWindows" >> beam.WindowInto(GlobalWindows())
        )
        retainer = beam.ParDo(_Retain(self.settings)).with_output_types(StudentEvents)
        return panes | "RetainEvents" >> retainer


class _Gather(beam.DoFn):
    """Events of a bundle by the turn of their students: few elements, however many events."""

    def __init__(self, settings: FollowSettings) -> None:
        self._step_ms = settings.step_ms
        self._ahead_ms = round(settings.ahead_seconds * 1000)
        self._turns: dict[tuple[int, int], list[Stamped]] = {}

    def start_bundle(self) -> None:
        self._turns = defaultdict(list)

    def process(self, events: pl.DataFrame) -> None:
        marks = events[WATERMARK].to_list()
        for (student, end_ms, packed), mark in zip(pack_events(events), marks, strict=True):
            part = xxhash.xxh3_64_intdigest(student.encode()) % _PARTS
            # A window that the runner has closed already would drop it.
            reached_ms = mark + self._ahead_ms
            is_late = end_ms < reached_ms
            at_ms = self._end_of_step(reached_ms) if is_late else self._end_of_turn(end_ms, part)
            self._turns[part, at_ms].append((student, mark, packed))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The watermark waits for the bundle, so none becomes late."""
        for (part, at_ms), events in self._turns.items():
            yield WindowedValue((part, _encode(events)), _timestamp(at_ms), (GlobalWindow(),))
        self._turns = {}

    def _end_of_step(self, at_ms: int) -> int:
        """The last moment of its step, with which its window ends."""
        return at_ms - at_ms % self._step_ms + self._step_ms - 1

    def _end_of_turn(self, at_ms: int, part: int) -> int:
        """The last moment before the next turn of a part of the students."""
        period_ms, first_ms = self._step_ms * _PARTS, part * self._step_ms
        return at_ms - (at_ms - first_ms) % period_ms + period_ms - 1


def _timestamp(milliseconds: int) -> Timestamp:
    return Timestamp(micros=milliseconds * 1000)


_encode = msgspec.msgpack.Encoder().encode
_decode_turn = msgspec.msgpack.Decoder(list[Stamped]).decode
_decode_pane = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode


def _split_students(_: int, turns: Iterable[bytes]) -> Iterator[Pane]:
    """The events of each student of a turn as one element."""
    panes: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for turn in turns:
        for student, mark, packed in _decode_turn(turn):
            panes[student].append((mark, packed))
    for student, pane in panes.items():
        yield student, _encode(pane)


class _State(msgspec.Struct, array_like=True):
    """`Kept` as it rests in state."""

    fingerprint: str
    watermark_ms: int
    revision: int
    rows: bytes


_decode_state = msgspec.msgpack.Decoder(_State).decode


class _Retain(beam.DoFn):
    KEPT = ReadModifyWriteStateSpec("kept", BytesCoder())
    FRESH = BagStateSpec("fresh", BytesCoder())
    TICK = TimerSpec("tick", TimeDomain.REAL_TIME)
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)

    def __init__(self, settings: FollowSettings) -> None:
        self.settings = settings

    def process(
        self,
        element: Pane,
        kept: Any = beam.DoFn.StateParam(KEPT),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        tick: Any = beam.DoFn.TimerParam(TICK),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[StudentEvents]:
        student, pane = element
        if self.settings.tick_seconds:
            fresh.add(pane)
            tick.set(next_tick(self.settings.clock(), self.settings.tick_seconds))
        else:
            yield from self._retain(student, [pane], kept, forget)

    @on_timer(TICK)
    def show(
        self,
        student: Any = beam.DoFn.KeyParam,
        kept: Any = beam.DoFn.StateParam(KEPT),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[StudentEvents]:
        """Hand on what came since the last tick, at the same moment for all students."""
        panes = list(fresh.read())
        fresh.clear()
        if panes:
            yield from self._retain(student, panes, kept, forget)

    @on_timer(FORGET)
    def forget(
        self,
        kept: Any = beam.DoFn.StateParam(KEPT),
        fresh: Any = beam.DoFn.StateParam(FRESH),
    ) -> None:
        """No acceptable event can change anything of the student any more.

        But those that wait for the tick: a replay can pass days in a second. Then the tick asks
        for this timer again.
        """
        if not any(True for _ in fresh.read()):
            kept.clear()

    def _retain(
        self, student: str, panes: list[bytes], kept: Any, forget: Any
    ) -> Iterator[StudentEvents]:
        """One change, or in a replay one for each day on which others are given up."""
        known = self._open(kept.read())
        for watermark_ms, rows in self._in_order(panes):
            changed, known = retain(student, known, rows, watermark_ms, self.settings.retention)
            yield changed
        state = _State(
            self.settings.fingerprint, known.watermark_ms, known.revision, pack_rows(known.rows)
        )
        kept.write(_encode(state))
        forget.set(_timestamp(forget_ms(known, self.settings.retention)))

    def _in_order(self, panes: list[bytes]) -> Iterator[tuple[int, list[Row]]]:
        """Events, in the order of the watermarks that they were read at, with the newest of these.

        Apart when other dates are still written: an event counts however fast it is followed by
        events of the days after.
        """
        events = [event for pane in panes for event in _decode_pane(pane)]
        rows = unpack_events(packed for _, packed in events)
        marks = [mark for mark, _ in events]
        read = sorted(zip(marks, rows, strict=True), key=itemgetter(0))
        owned = cache(self.settings.retention.owned_from)
        for _, part in groupby(read, lambda pair: owned(pair[0])):
            pairs = list(part)
            yield pairs[-1][0], [row for _, row in pairs]

    def _open(self, stored: bytes | None) -> Kept:
        if stored is None:
            return Kept()
        state = _decode_state(stored)
        if state.fingerprint != self.settings.fingerprint:
            raise OtherOptionsError(
                "the checkpoint was made with other options or another catalogue: start with the "
                "same, or without the checkpoint"
            )
        return Kept(unpack_rows(state.rows), state.watermark_ms, state.revision)
