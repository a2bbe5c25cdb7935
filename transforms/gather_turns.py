"""When are a student's new events looked at? At its turn, with those of many students.

Windows of event time decide when, never what: each student has turns of its own, so that the work
is spread, and late events hardly wait.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam
import msgspec
import polars as pl
import xxhash
from apache_beam.transforms.window import FixedWindows, GlobalWindow, GlobalWindows
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.pack_events import pack_events
from transforms.parse_stream import WATERMARK

_PARTS = 100
"""The students are due in as many parts, one after the other."""

Stamped = tuple[str, int, bytes]
"""A student's event, packed, with the watermark that it was read at."""
Turn = tuple[int, bytes]
"""Events of a part of the students that are due at one moment."""
Pane = tuple[str, bytes]
"""A student, and some of its events (see `decode_pane`)."""

_encode = msgspec.msgpack.Encoder().encode
_decode_turn = msgspec.msgpack.Decoder(list[Stamped]).decode
decode_pane = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode
"""The events of a pane, packed, each with the watermark that it was read at."""


class GatherTurns(beam.PTransform):
    """Hold events back until their student is due.

    Input: frames of canonical events with `watermark_ms`. Output: `Pane`, in the global window.
    Time: an event counts at its end. Ahead of the watermark it waits for its student's turn, which
    comes once in `publish_seconds` and is a window that fires once; behind it (late) for the next
    step, a hundredth of that, after the watermark that it was read at. `ahead_seconds`: how far the
    runner's watermark may be ahead of that one. Errors: none.
    """

    def __init__(self, publish_seconds: float, ahead_seconds: float = 0) -> None:
        super().__init__()
        self.step_ms = max(1, round(publish_seconds * 1000) // _PARTS)
        self.ahead_ms = round(ahead_seconds * 1000)

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire the windows."""
        packing = beam.ParDo(_Pack(self.step_ms, self.ahead_ms)).with_output_types(Turn)
        return (
            events
            | "PackTurns" >> packing
            | "WindowTurns" >> beam.WindowInto(FixedWindows(self.step_ms / 1000))
            | "GroupTurns" >> beam.GroupByKey()
            | "SplitStudents" >> beam.FlatMapTuple(_split_students).with_output_types(Pane)
            | "LeaveWindows" >> beam.WindowInto(GlobalWindows())
        )


class _Pack(beam.DoFn):
    """Events of a bundle by the turn of their students: few elements, however many events."""

    def __init__(self, step_ms: int, ahead_ms: int) -> None:
        self._step_ms, self._ahead_ms = step_ms, ahead_ms
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
            yield WindowedValue(
                (part, _encode(events)), Timestamp(micros=at_ms * 1000), (GlobalWindow(),)
            )
        self._turns = {}

    def _end_of_step(self, at_ms: int) -> int:
        """The last moment of its step, with which its window ends."""
        return at_ms - at_ms % self._step_ms + self._step_ms - 1

    def _end_of_turn(self, at_ms: int, part: int) -> int:
        """The last moment before the next turn of a part of the students."""
        period_ms, first_ms = self._step_ms * _PARTS, part * self._step_ms
        return at_ms - (at_ms - first_ms) % period_ms + period_ms - 1


def _split_students(_: int, turns: Iterable[bytes]) -> Iterator[Pane]:
    """The events of each student of a turn as one element."""
    panes: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for turn in turns:
        for student, mark, packed in _decode_turn(turn):
            panes[student].append((mark, packed))
    for student, pane in panes.items():
        yield student, _encode(pane)
