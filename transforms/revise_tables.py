"""How do changed students become changed rows of silver and gold, in a Beam stream?"""

import datetime
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from transforms.derive import DeriveOptions
from transforms.encode_frames import pack_frames, unpack_frames
from transforms.parse_stream import Changes, Count, at_end_of_bundle
from transforms.retain import Retention, StudentEvents
from transforms.revise import Revised, revise
from transforms.total_changes import Group, Sums, split_groups, total_changes

CONTRIBUTIONS, COUNTS = "contributions", "counts"
RUN_COUNTS = "run_counts"
"""Stands where the name of a table would, for the counts of the run so far."""

_MOST_ROWS = 50_000
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ReviseSettings:
    """What deriving depends on, how long dates can change, a clock, and who is told of counts."""

    derive: DeriveOptions
    retention: Retention
    clock: Callable[[], datetime.datetime]
    count: Count


class ReviseTables(beam.PTransform):
    """Derive students before and after, and tell the difference; the students of a bundle at once.

    Input: `StudentEvents`. Output: changes (table, rows with `is_deleted` and `revision`); side
    outputs `contributions` ((group, packed frames)) and `counts` ((signed counts, no watermark)).
    """

    def __init__(self, settings: ReviseSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, students: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the comparison."""
        reviser = beam.ParDo(_Revise(self.settings))
        return students | "ReviseStudents" >> reviser.with_outputs(
            CONTRIBUTIONS, COUNTS, main="changes"
        )


Outputs = (
    Changes
    | TaggedOutput[Literal["contributions"], tuple[str, bytes]]
    | TaggedOutput[Literal["counts"], tuple]
)


class _Revise(beam.DoFn):
    def __init__(self, settings: ReviseSettings) -> None:
        self.settings = settings
        self._students: list[StudentEvents] = []
        self._rows = 0

    def start_bundle(self) -> None:
        self._students, self._rows = [], 0

    def process(self, student: StudentEvents) -> Iterator[Outputs]:
        self._students.append(student)
        self._rows += len(student.after)
        if self._rows >= _MOST_ROWS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        yield from at_end_of_bundle(self._flush())

    def _flush(self) -> Iterator[Outputs]:
        students, self._students, self._rows = self._students, [], 0
        if not students:
            return
        # A student that comes twice was changed twice: the later change builds on the earlier.
        for round_ in _rounds(students):
            yield from self._tell(revise(round_, self.settings.derive, self.settings.clock()))

    def _tell(self, revised: Revised) -> Iterator[Outputs]:
        for name, number in revised.counts.items():
            beam.metrics.Metrics.counter("chapterflow", name).inc(number)
            self.settings.count(name, number)
        yield from revised.changes.items()
        for group, frames in split_groups(revised.contributions):
            value = _name_of(group), pack_frames(frames)
            yield TaggedOutput(CONTRIBUTIONS, value)  # type: ignore[misc]
        yield TaggedOutput(COUNTS, (revised.counts, None))  # type: ignore[misc]


def _rounds(students: list[StudentEvents]) -> Iterator[list[StudentEvents]]:
    """The students in as few rounds as hold each of them once, in order."""
    rounds: list[dict[str, StudentEvents]] = []
    seen: Counter[str] = Counter()
    for student in students:
        place = seen[student.student_hash]
        seen[student.student_hash] += 1
        rounds.extend({} for _ in range(place + 1 - len(rounds)))
        rounds[place][student.student_hash] = student
    return (list(round_.values()) for round_ in rounds)


def _name_of(group: Group) -> str:
    table, date, slot = group
    return f"{table}|{date}|{slot}"


class TotalChanges(beam.PTransform):
    """Add signed contributions to the sums of gold, and tell the rows that change by it.

    Input: (group, packed frames). Output: changes. State: the sums of a group, until its date can
    change no more.
    """

    def __init__(self, settings: ReviseSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, contributions: beam.PCollection) -> beam.PCollection:
        """Wire the sums."""
        typed = contributions | "TypeContributions" >> beam.Map(
            lambda pair: pair
        ).with_output_types(tuple[str, bytes])
        return typed | "AddContributions" >> beam.ParDo(_Total(self.settings))


class _Total(beam.DoFn):
    SUMS = ReadModifyWriteStateSpec("sums", BytesCoder())
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)

    def __init__(self, settings: ReviseSettings) -> None:
        self.settings = settings

    def process(
        self,
        element: tuple[str, bytes],
        state: Any = beam.DoFn.StateParam(SUMS),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[Changes]:
        name, packed = element
        table, date, _ = name.split("|")
        sums, changes = total_changes(
            table,
            _open(state.read()),
            unpack_frames(packed),
            self.settings.derive.catalogue.expected,
            self.settings.clock(),
        )
        state.write(_close(sums))
        forget.set(self._end_of(datetime.date.fromisoformat(date)))
        yield from changes.items()

    @on_timer(FORGET)
    def forget(self, state: Any = beam.DoFn.StateParam(SUMS)) -> None:
        """The date is given up."""
        state.clear()

    def _end_of(self, date: datetime.date) -> Timestamp:
        midnight = datetime.datetime.combine(date, datetime.time(), datetime.UTC).timestamp()
        # Two days more: the date's last hour anywhere on earth, and a margin.
        return Timestamp(midnight + 3 * _DAY_SECONDS + self.settings.retention.kept_ms / 1000)


_REVISION_BYTES = 8


def _open(stored: bytes | None) -> Sums:
    if stored is None:
        return Sums()
    revision = int.from_bytes(stored[:_REVISION_BYTES], "big")
    return Sums(unpack_frames(stored[_REVISION_BYTES:]), revision)


def _close(sums: Sums) -> bytes:
    return sums.revision.to_bytes(_REVISION_BYTES, "big") + pack_frames(sums.frames)


class TallyCounts(beam.PTransform):
    """Sum the counts of all bundles since the stream began.

    Input: (signed counts, watermark in ms or None). Output: (RUN_COUNTS, one row: the counts so far
    and `watermark_ms`). State: the counts.
    """

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Wire the tally."""
        keyed = counts | "KeyCounts" >> beam.Map(_key_counts).with_output_types(tuple[str, str])
        return keyed | "AddCounts" >> beam.ParDo(_Tally())


def _key_counts(element: tuple) -> tuple[str, str]:
    return RUN_COUNTS, json.dumps([dict(element[0]), element[1]])


class _Tally(beam.DoFn):
    COUNTS = ReadModifyWriteStateSpec("counts", BytesCoder())

    def process(
        self, element: tuple[str, str], state: Any = beam.DoFn.StateParam(COUNTS)
    ) -> Iterator[Changes]:
        stored = state.read()
        counts, watermark = json.loads(stored) if stored else ({}, None)
        added, newest = json.loads(element[1])
        total = Counter(counts)
        for name, number in added.items():
            total[name] += number
        # A source that knows nothing yet stands far before the epoch.
        marks = [mark for mark in (watermark, newest) if mark is not None and mark > 0]
        watermark = max(marks, default=None)
        state.write(json.dumps([total, watermark]).encode())
        row = {**total, "watermark_ms": watermark}
        yield RUN_COUNTS, pl.DataFrame([row], schema_overrides={"watermark_ms": pl.Int64})
