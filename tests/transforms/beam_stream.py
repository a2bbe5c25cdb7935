"""What tables does Beam's stream leave, given transcripts of arrivals and watermarks?"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder, TupleCoder, VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from tests.in_memory import PROCESSED_AT, Plan, derive_options, settings
from tests.transforms.in_stream import Store, retention_of
from transforms.follow_days import FollowDays
from transforms.follow_students import FollowSettings, FollowStudents
from transforms.note_trend_dates import TREND_DATES, NoteTrendDates
from transforms.parse_stream import ParseStream, StreamSettings
from transforms.revise_tables import ReviseSettings, ReviseTables
from transforms.tally_counts import RUN_COUNTS, TallyCounts
from transforms.total_changes import TotalChanges

DAY_MS = 86_400_000
_MINUTE = 60


@dataclass(frozen=True)
class Step:
    """Records that arrive, and the watermark (epoch ms) that follows them."""

    records: tuple[bytes, ...]
    watermark_ms: int


@dataclass
class Outcome:
    """The tables at the end, and the counts of the whole stream."""

    store: Store = field(default_factory=Store)
    counts: dict[str, Any] = field(default_factory=dict)


_outcomes: dict[str, Outcome] = {}


def run_stream(steps: Iterable[Step], plan: Plan, lateness_ms: int = DAY_MS) -> Outcome:
    """Run a transcript through ParseStream to TotalChanges; ends with the watermark at infinity."""
    name = f"outcome {len(_outcomes)}"
    _outcomes[name] = Outcome()
    lateness = datetime.timedelta(milliseconds=lateness_ms)
    retention = retention_of(derive_options(plan).metrics, lateness)
    revising = ReviseSettings(derive_options(plan), retention, _clock, _ignore)
    following = FollowSettings(retention, "these options", _clock, tick_seconds=0)
    hearing = StreamSettings(settings(plan), lateness_ms, _clock, _ignore, gather_seconds=0)
    options, runner = PipelineOptions(["--streaming"]), BundleBasedDirectRunner()
    with beam.Pipeline(runner=runner, options=options) as pipeline:
        parsed = pipeline | _transcript(steps) | "ParseStream" >> ParseStream(hearing)
        students = parsed.events | "FollowStudents" >> FollowStudents(following)
        revised = students | "ReviseTables" >> ReviseTables(revising)
        days = revised.traces | "FollowDays" >> FollowDays(revising)
        contributions = (revised.contributions, days.contributions) | "Join" >> beam.Flatten()
        totals = contributions | "TotalChanges" >> TotalChanges(revising)
        counts = (parsed.counts, revised.counts) | "AllCounts" >> beam.Flatten()
        tally = counts | "TallyCounts" >> TallyCounts()
        trending = totals | "NoteTrendDates" >> NoteTrendDates(_clock, _MINUTE)
        everything = (revised.changes, days.changes, totals, trending, tally, parsed.dead_letters)
        _ = everything | "AllChanges" >> beam.Flatten() | "Store" >> beam.Map(_store, name)
    return _outcomes.pop(name)


def _transcript(steps: Iterable[Step]) -> TestStream:
    stream = TestStream(coder=TupleCoder((BytesCoder(), VarIntCoder())))
    watermark_ms = 0
    for step in steps:
        at = Timestamp(micros=watermark_ms * 1000)
        elements = [TimestampedValue((record, watermark_ms), at) for record in step.records]
        stream = stream.add_elements(elements) if elements else stream
        if step.watermark_ms > watermark_ms:
            watermark_ms = step.watermark_ms
            stream = stream.advance_watermark_to(Timestamp(micros=watermark_ms * 1000))
    stream = stream.advance_watermark_to_infinity()
    return stream.advance_processing_time(PROCESSED_AT.timestamp() + _MINUTE)


def _clock() -> datetime.datetime:
    return PROCESSED_AT


def _ignore(name: str, number: int) -> None:
    """Nobody watches."""


def _store(changes: tuple[str, pl.DataFrame], name: str) -> None:
    table, frame = changes
    outcome = _outcomes[name]
    if table == RUN_COUNTS:
        outcome.counts = frame.row(0, named=True)
    elif table == TREND_DATES:
        outcome.store.follow_trends(set(frame["date"]))
    else:
        outcome.store.apply(table, frame)
