"""Which steps does an event pass? The graph that the programs run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

from pipelines.inputs import Block, Chunk, block_coder, read_blocks  # noqa: F401
from pipelines.outputs.commit_run import CommitRun, Run
from pipelines.outputs.open_warehouse import files_folder, keeps_partition
from pipelines.outputs.write_rows import WriteRows
from pipelines.shuffle import Slice, SpillShards, load_shard
from transforms.derive import DeriveOptions
from transforms.derive_tables import DeriveTables, TotalDays
from transforms.parse_events import ParseEvents, ParseSettings

BLOCK_BYTES = 1 << 20
"""Small enough for the caches of a core, large enough to work on columns."""


@dataclass(frozen=True)
class BatchPlan:
    """A batch run, ready to be built: what to read, how to compute, where to write."""

    chunks: Sequence[Chunk]
    parse: ParseSettings
    derive: DeriveOptions
    warehouse: str
    staging: str
    run: Run


def build_batch(pipeline: beam.Pipeline, plan: BatchPlan) -> None:
    """Files to tables: parse, bring students together, derive, sum up, write, commit."""
    started_at = plan.run.started_at
    blocks = (
        pipeline
        | "ListChunks" >> beam.Create(list(plan.chunks))
        | "SpreadChunks" >> beam.Reshuffle()
        | "ReadBlocks" >> beam.ParDo(_Read())
    )
    parsed = blocks | "ParseEvents" >> ParseEvents(plan.parse)
    shards = (
        parsed.events
        | "SpillShards" >> SpillShards(plan.staging)
        | "GroupShards" >> beam.GroupByKey()
        | "LoadShards" >> beam.ParDo(_Load())
    )
    folder, has_dates = files_folder(plan.warehouse, plan.staging), keeps_partition(plan.warehouse)
    derived = shards | "DeriveTables" >> DeriveTables(plan.derive, started_at)
    totals = derived.contributions | "TotalDays" >> TotalDays(started_at)
    letters = parsed.dead_letters | "NameDeadLetters" >> beam.Map(_name_dead_letters)
    facts = (
        derived.rows | "WriteRows" >> WriteRows(folder, has_dates),
        totals | "WriteTotals" >> WriteRows(folder, has_dates),
        letters | "StageDeadLetters" >> WriteRows(plan.staging),
        parsed.counts,
        derived.counts,
    )
    commit = CommitRun(plan.warehouse, plan.staging, plan.run, plan.derive)
    _ = facts | "CollectFacts" >> beam.Flatten() | "CommitRun" >> commit


def _name_dead_letters(rows: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    return "dead_letters", rows


class _Read(beam.DoFn):
    def process(self, chunk: Chunk) -> Iterator[Block]:
        yield from read_blocks(chunk, BLOCK_BYTES)


class _Load(beam.DoFn):
    def process(self, element: tuple[int, Iterable[Slice]]) -> Iterator[pl.DataFrame]:
        yield load_shard(element[1])
