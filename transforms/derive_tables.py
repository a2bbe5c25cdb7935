"""How are shards of events derived, and gold contributions combined, in a Beam pipeline?"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Literal

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput

from transforms.derive import DeriveOptions, derive_students
from transforms.encode_frames import Accumulator, AccumulatorCoder
from transforms.present import present
from transforms.sum_up import Frames, sum_up
from transforms.total_days import total_days

CONTRIBUTIONS, COUNTS = "contributions", "counts"
_COMPACT_AFTER = 16


class DeriveTables(beam.PTransform):
    """Derive silver and per-student gold from the events of whole students.

    Input: frames of canonical events, all of a student's in one. Output: (table, rows as stored);
    side outputs `contributions` ((gold table, (gold table, frame)), see `contribute`) and `counts`.
    """

    def __init__(self, options: DeriveOptions, started_at: datetime.datetime) -> None:
        super().__init__()
        self.options, self.started_at = options, started_at

    def expand(self, shards: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the derivation."""
        deriver = beam.ParDo(_Derive(self.options, self.started_at))
        return shards | "DeriveShard" >> deriver.with_outputs(CONTRIBUTIONS, COUNTS, main="rows")


NamedFrame = tuple[str, pl.DataFrame]

Outputs = (
    NamedFrame
    | TaggedOutput[Literal["contributions"], tuple[str, NamedFrame]]
    | TaggedOutput[Literal["counts"], tuple]
)


class _Derive(beam.DoFn):
    def __init__(self, options: DeriveOptions, started_at: datetime.datetime) -> None:
        self.options, self.started_at = options, started_at

    def process(self, events: pl.DataFrame) -> Iterator[Outputs]:
        derived = derive_students(events, self.options)
        for name, count in derived.counts.items():
            beam.metrics.Metrics.counter("chapterflow", name).inc(count)
        yield TaggedOutput("counts", (derived.counts, set()))  # type: ignore[misc]
        for name, frame in derived.contributions.items():
            if not frame.is_empty():
                part = name, (name, frame)
                yield TaggedOutput("contributions", part)  # type: ignore[misc]
        for name, frame in derived.rows.items():
            if not frame.is_empty():
                yield name, present(name, frame, self.started_at)


class CombineContributions(beam.CombineFn):
    """Sum the contributions to one gold table; exact, in any order.

    Input: (gold table, frame). Output: one frame for the table, a row per key.
    """

    def get_accumulator_coder(self) -> beam.coders.Coder:
        """How accumulators travel."""
        return AccumulatorCoder()

    def create_accumulator(self) -> Accumulator:
        """Nothing yet."""
        return {}

    def add_input(self, accumulator: Accumulator, element: tuple[str, pl.DataFrame]) -> Accumulator:
        """Add a frame; many are summed into one, so that memory stays bounded by the keys."""
        name, frame = element
        frames = [*accumulator.get(name, []), frame]
        kept = [sum_up(name, frames)] if len(frames) >= _COMPACT_AFTER else frames
        return {**accumulator, name: kept}

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Put several together."""
        merged: Accumulator = {}
        for accumulator in accumulators:
            for name, frames in accumulator.items():
                merged.setdefault(name, []).extend(frames)
        return merged

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Sum before the accumulator travels."""
        return {name: [sum_up(name, frames)] for name, frames in accumulator.items()}

    def extract_output(self, accumulator: Accumulator) -> Frames:
        """One frame per name."""
        return {name: sum_up(name, frames) for name, frames in accumulator.items()}


class TotalDays(beam.PTransform):
    """Combine contributions to gold tables and give their rows.

    Input: (gold table, (gold table, frame)). Output: (table, rows as stored).
    """

    def __init__(self, started_at: datetime.datetime) -> None:
        super().__init__()
        self.started_at = started_at

    def expand(self, contributions: beam.PCollection) -> beam.PCollection:
        """Wire the sums."""
        sums = contributions | "SumContributions" >> beam.CombinePerKey(CombineContributions())
        return sums | "TotalTable" >> beam.Map(_total, self.started_at)


def _total(element: tuple[str, Frames], started_at: datetime.datetime) -> NamedFrame:
    table, sums = element
    return table, present(table, total_days(table, sums[table]), started_at)
