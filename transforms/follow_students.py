"""When is a student's activity complete? Session windows say when, and state keeps what it was."""

import datetime
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import msgspec
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.trigger import (
    AccumulationMode,
    AfterCount,
    AfterProcessingTime,
    AfterWatermark,
)
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import GlobalWindows, Sessions, TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from transforms.pack_events import pack_events, pack_rows, unpack_events, unpack_rows
from transforms.parse_stream import WATERMARK
from transforms.retain import Kept, Retention, StudentEvents, forget_ms, retain

_STAMP_BYTES = 8
_LATE_PANE_SECONDS = 1


@dataclass(frozen=True)
class FollowSettings:
    """`early_seconds`: how often an open session is shown. `tick_seconds`: how long panes are
    gathered, so that many students are derived at once (0: not at all). `fingerprint` names the
    options that the rows depend on: state of others is refused.
    """

    retention: Retention
    fingerprint: str
    clock: Callable[[], datetime.datetime]
    early_seconds: float = 300
    tick_seconds: float = 1


class OtherOptionsError(Exception):
    """The state was made with other options: what it emitted cannot be corrected."""


class FollowStudents(beam.PTransform):
    """Hand on a student's events whenever a session closed, grew or changed.

    Input: frames of canonical events with `watermark_ms`. Output: `StudentEvents`.
    Time: an event counts at its end; Sessions windows fire at the watermark, early every
    `early_seconds` and for late events; panes discard, so each event is handed on once.
    State: per student the events that an acceptable event can still change (`Retention`).
    Errors: OtherOptionsError.
    """

    def __init__(self, settings: FollowSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire windows and state."""
        retention = self.settings.retention
        windows = beam.WindowInto(
            # Beam begins a new session at the gap, METRICS only beyond it.
            Sessions((retention.session_gap_ms + 1) / 1000),
            trigger=AfterWatermark(
                early=AfterProcessingTime(math.ceil(self.settings.early_seconds))
                if self.settings.early_seconds
                else None,
                late=AfterProcessingTime(_LATE_PANE_SECONDS)
                if self.settings.tick_seconds
                else AfterCount(1),
            ),
            accumulation_mode=AccumulationMode.DISCARDING,
            allowed_lateness=Duration(seconds=retention.allowed_lateness_ms / 1000),
        )
        return (
            events
            | "KeyStudents" >> beam.ParDo(_Key()).with_output_types(tuple[str, bytes])
            | "WindowSessions" >> windows
            | "GroupSessions" >> beam.GroupByKey()
            | "PackPanes" >> beam.FlatMap(_pack_pane).with_output_types(tuple[str, bytes])
            | "LeaveSessions" >> beam.WindowInto(GlobalWindows())
            | "RetainEvents" >> beam.ParDo(_Retain(self.settings)).with_output_types(StudentEvents)
        )


class _Key(beam.DoFn):
    def process(self, events: pl.DataFrame) -> Iterator[TimestampedValue]:
        marks = events[WATERMARK].to_list()
        for (student, end_ms, packed), mark in zip(pack_events(events), marks, strict=True):
            value = student, mark.to_bytes(_STAMP_BYTES, "big", signed=True) + packed
            yield TimestampedValue(value, Timestamp(micros=end_ms * 1000))


_encode = msgspec.msgpack.Encoder().encode
_decode_pane = msgspec.msgpack.Decoder(list[bytes]).decode


def _pack_pane(pane: tuple[str, Iterable[bytes]]) -> Iterator[tuple[str, bytes]]:
    """A pane as one element; the panes that close a session are empty."""
    student, events = pane[0], list(pane[1])
    if events:
        yield student, _encode(events)


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
        element: tuple[str, bytes],
        kept: Any = beam.DoFn.StateParam(KEPT),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        tick: Any = beam.DoFn.TimerParam(TICK),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[StudentEvents]:
        student, pane = element
        if self.settings.tick_seconds:
            fresh.add(pane)
            tick.set(Timestamp(self._next_tick()))
        else:
            yield self._retain(student, [pane], kept, forget)

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
            yield self._retain(student, panes, kept, forget)

    @on_timer(FORGET)
    def forget(self, kept: Any = beam.DoFn.StateParam(KEPT)) -> None:
        """No acceptable event can change anything of the student any more."""
        kept.clear()

    def _next_tick(self) -> float:
        ticks = self.settings.clock().timestamp() // self.settings.tick_seconds
        return (ticks + 1) * self.settings.tick_seconds

    def _retain(self, student: str, panes: list[bytes], kept: Any, forget: Any) -> StudentEvents:
        events = [event for pane in panes for event in _decode_pane(pane)]
        rows = unpack_events(event[_STAMP_BYTES:] for event in events)
        stamps = [int.from_bytes(event[:_STAMP_BYTES], "big", signed=True) for event in events]
        known = self._open(kept.read())
        changed, new = retain(student, known, rows, max(stamps), self.settings.retention)
        state = _State(
            self.settings.fingerprint, new.watermark_ms, new.revision, pack_rows(new.rows)
        )
        kept.write(_encode(state))
        forget.set(Timestamp(micros=forget_ms(new, self.settings.retention) * 1000))
        return changed

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
