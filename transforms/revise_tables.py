"""How do changed students become changed rows of silver and contributions to gold, in a stream?"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import apache_beam as beam
import msgspec
from apache_beam.pvalue import TaggedOutput

from transforms import pack_traces
from transforms.derive import DeriveOptions
from transforms.encode_frames import FrameCoder
from transforms.parse_stream import Changes, Count, at_end_of_bundle
from transforms.retain import Retention, StudentEvents
from transforms.revise import Revised, revise
from transforms.split_groups import name_of, split_groups
from transforms.sum_up import Frames

CONTRIBUTIONS, TRACES, COUNTS = "contributions", "traces", "counts"
_MOST_ROWS = 20_000
"""Events that are derived at once: 56 MiB. A quarter as many would cost twice as much each."""


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
    outputs `contributions` ((group, encoded frame)), `traces` ((name of a student's day,
    encoded `ChangedTraces`)) and `counts` ((signed counts, no watermark)).
    """

    def __init__(self, settings: ReviseSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, students: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the comparison."""
        reviser = beam.ParDo(_Revise(self.settings))
        return students | "ReviseStudents" >> reviser.with_outputs(
            CONTRIBUTIONS, TRACES, COUNTS, main="changes"
        )


Outputs = (
    Changes
    | TaggedOutput[Literal["contributions"], tuple[str, bytes]]
    | TaggedOutput[Literal["traces"], tuple[str, bytes]]
    | TaggedOutput[Literal["counts"], tuple]
)

_encode = msgspec.msgpack.Encoder().encode


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
        for value in encode_contributions(revised.contributions):
            yield TaggedOutput(CONTRIBUTIONS, value)  # type: ignore[misc]
        for day, changed in revised.traces.items():
            value = pack_traces.name_of(day), _encode(changed)
            yield TaggedOutput(TRACES, value)  # type: ignore[misc]
        yield TaggedOutput(COUNTS, (revised.counts, None))  # type: ignore[misc]


def encode_contributions(contributions: Frames) -> Iterator[tuple[str, bytes]]:
    """(group, encoded frame) of contributions."""
    for group, frame in split_groups(contributions):
        yield name_of(group), FrameCoder().encode(frame)


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
