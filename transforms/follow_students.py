"""Which events of a student are known before and after new ones? Told of many students at once."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from transforms.gather_turns import GatherTurns, Pane, decode_pane
from transforms.pack_events import Row, unpack_events
from transforms.retain import Kept, Retention, StudentEvents, forget_ms, retain
from transforms.ticks import next_tick


@dataclass(frozen=True)
class FollowSettings:
    """`publish_seconds`, `ahead_seconds`: of `GatherTurns`. `tick_seconds`: how long panes are
    gathered, so that many students are derived at once (0: not at all). `fingerprint` names the
    options that the rows depend on: state of others is refused.
    """

    retention: Retention
    fingerprint: str
    clock: Callable[[], datetime.datetime]
    publish_seconds: float = 300
    tick_seconds: float = 1
    ahead_seconds: float = 0


class OtherOptionsError(Exception):
    """The state was made with other options: what it emitted cannot be corrected."""


class FollowStudents(beam.PTransform):
    """Hand on what is known of a student whenever there is something new.

    Input: frames of canonical events with `watermark_ms`. Output: `StudentEvents`.
    Time: events wait for their student's turn (`GatherTurns`), so that none overtakes others that
    were read long before it.
    State: per student the events that an acceptable event can still change (`Retention`).
    Errors: OtherOptionsError.
    """

    def __init__(self, settings: FollowSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire windows and state."""
        wait = self.settings.publish_seconds, self.settings.ahead_seconds
        panes = events | "GatherTurns" >> GatherTurns(*wait)
        retainer = beam.ParDo(_Retain(self.settings)).with_output_types(StudentEvents)
        return panes | "RetainEvents" >> retainer


_encode = msgspec.msgpack.Encoder().encode


class _State(msgspec.Struct, array_like=True):
    """`Kept` as it rests in state, and the fingerprint of the options."""

    fingerprint: str
    kept: Kept


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
        kept.write(_encode(_State(self.settings.fingerprint, known)))
        forget.set(Timestamp(micros=forget_ms(known, self.settings.retention) * 1000))

    def _in_order(self, panes: list[bytes]) -> Iterator[tuple[int, list[Row]]]:
        """Events, in the order of the watermarks that they were read at, with the newest of these.

        Apart when other dates are still written: an event counts however fast it is followed by
        events of the days after.
        """
        events = [event for pane in panes for event in decode_pane(pane)]
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
        return state.kept
