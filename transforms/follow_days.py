"""What have students left on their days so far, and what changes when that does?"""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import add
from typing import Any, Literal

import apache_beam as beam
import msgspec
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

from transforms.diff_rows import REVISION
from transforms.forget_dates import given_up_at, grace_ends_at
from transforms.pack_events import pack_rows, unpack_rows
from transforms.pack_traces import (
    StudentDay,
    Traces,
    day_of,
    frame_traces,
    join_row,
    split_row,
)
from transforms.parse_stream import Changes, at_end_of_bundle
from transforms.revise import ChangedTraces, Revised, compare
from transforms.revise_tables import CONTRIBUTIONS, ReviseSettings, encode_contributions
from transforms.total_students import total_students

_MOST_TRACES = 20_000
"""Of days that are compared at once."""


@dataclass(frozen=True)
class ChangedDay:
    """What a student left on a date, before and after a change."""

    revision: int
    before: Traces
    after: Traces


def add_traces(known: Traces, changed: ChangedTraces) -> ChangedDay:
    """Signed traces added to those that were left on the day."""
    after = dict(known)
    for key, sums in map(split_row, changed.rows):
        total = tuple(map(add, after.get(key, (0,) * len(sums)), sums))
        if any(total):
            after[key] = total
        else:
            del after[key]
    return ChangedDay(changed.revision, known, after)


def revise_days(days: Mapping[StudentDay, ChangedDay], processed_at: datetime.datetime) -> Revised:
    """What several changed days change: their own rows, and where distinct students count."""
    before = total_students(frame_traces((day, changed.before) for day, changed in days.items()))
    after = total_students(frame_traces((day, changed.after) for day, changed in days.items()))
    revisions = pl.DataFrame(
        [(date, student, changed.revision) for (student, date), changed in days.items()],
        schema={"date": pl.Date, "student_hash": pl.String, REVISION: pl.Int64},
        orient="row",
    )
    return compare(before, after, revisions, processed_at)


class FollowDays(beam.PTransform):
    """Keep what sessions left on the days of their students, and tell what changes by it.

    Input: (name of a student's day, encoded `ChangedTraces`). Output: changes of the tables of
    students' days; side output `contributions` ((group, encoded frame)): distinct students. State:
    what is left on a student's day, until that can change no more.
    """

    def __init__(self, settings: ReviseSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, traces: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the state."""
        follower = beam.ParDo(_Follow(self.settings))
        return traces | "AddTraces" >> follower.with_outputs(CONTRIBUTIONS, main="changes")


Outputs = Changes | TaggedOutput[Literal["contributions"], tuple[str, bytes]]

_decode = msgspec.msgpack.Decoder(ChangedTraces).decode


class _Follow(beam.DoFn):
    TRACES = ReadModifyWriteStateSpec("traces", BytesCoder())
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)
    CLEAR = TimerSpec("clear", TimeDomain.REAL_TIME)

    def __init__(self, settings: ReviseSettings) -> None:
        self.settings = settings
        self._days: dict[StudentDay, ChangedDay] = {}
        self._traces = 0

    def start_bundle(self) -> None:
        self._days, self._traces = {}, 0

    def process(
        self,
        element: tuple[str, bytes],
        traces: Any = beam.DoFn.StateParam(TRACES),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[Outputs]:
        name, encoded = element
        day = day_of(name)
        changed = add_traces(_open(traces.read()), _decode(encoded))
        traces.write(_close(changed.after))
        forget.set(given_up_at(day[1], self.settings.retention))
        self._days[day] = _after(self._days.get(day), changed)
        self._traces += len(changed.after)
        if self._traces >= _MOST_TRACES:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        yield from at_end_of_bundle(self._flush())

    @on_timer(FORGET)
    def forget(self, clear: Any = beam.DoFn.TimerParam(CLEAR)) -> None:
        """The date is given up."""
        clear.set(grace_ends_at(self.settings.clock()))

    @on_timer(CLEAR)
    def clear(self, traces: Any = beam.DoFn.StateParam(TRACES)) -> None:
        """Nothing of the day can change any more."""
        traces.clear()

    def _flush(self) -> Iterator[Outputs]:
        """What changed since the last time."""
        days, self._days, self._traces = self._days, {}, 0
        if not days:
            return
        revised = revise_days(days, self.settings.clock())
        yield from revised.changes.items()
        for value in encode_contributions(revised.contributions):
            yield TaggedOutput("contributions", value)  # type: ignore[misc]


def _after(earlier: ChangedDay | None, later: ChangedDay) -> ChangedDay:
    """Two changes of one day as one."""
    return later if earlier is None else replace(later, before=earlier.before)


def _open(stored: bytes | None) -> Traces:
    return dict(map(split_row, unpack_rows(stored))) if stored else {}


def _close(traces: Traces) -> bytes:
    return pack_rows([join_row(key, sums) for key, sums in traces.items()])
