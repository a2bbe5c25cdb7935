"""Is anything forgotten too early when old events are replayed, days in a second?"""

import datetime
import json
from typing import Any

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.coders import BytesCoder, TupleCoder, VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Stream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas import tables
from tests.in_memory import Plan, derive_options, run, settings
from tests.transforms.in_stream import Store, differences
from transforms import total_changes
from transforms.follow_days import FollowDays
from transforms.follow_students import FollowSettings, FollowStudents
from transforms.parse_stream import ParseStream, StreamSettings
from transforms.retain import Retention
from transforms.revise_tables import ReviseSettings, ReviseTables
from transforms.total_changes import TotalChanges

MINUTE_MS, DAY_MS = 60_000, 86_400_000
NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z

_store = Store()
_seconds = [0]


@pytest.fixture(autouse=True)
def _nothing_stored() -> None:
    _store.rows.clear()
    _seconds[0] = 0


def _clock() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(_seconds[0], datetime.UTC)


def _keep(change: tuple[str, pl.DataFrame]) -> None:
    _store.apply(*change)
    _seconds[0] = 100


def _ignore(name: str, number: int) -> None:
    """Nobody watches."""


def _at(epoch_ms: int) -> Timestamp:
    return Timestamp(micros=epoch_ms * 1000)


def _event(name: str, minute: float) -> bytes:
    record: dict[str, Any] = {"event_id": name, "student_id": "s1", "event_type": "page_view"}
    record |= {"timestamp": NOON_MS + round(minute * MINUTE_MS), "page_url": f"/p/{name}"}
    return json.dumps(record | {"course_id": "c", "chapter_id": "c-1"}).encode()


def _stream(stream: Stream, tick_seconds: float, gather_seconds: float) -> None:
    """From records to gold."""
    plan, lateness_ms = Plan(), DAY_MS
    retention = Retention(1_800_000, DAY_MS, lateness_ms)
    revising = ReviseSettings(derive_options(plan), retention, _clock, _ignore)
    following = FollowSettings(retention, "these options", _clock, tick_seconds=tick_seconds)
    hearing = StreamSettings(settings(plan), lateness_ms, _clock, _ignore, gather_seconds=0)
    options, runner = PipelineOptions(["--streaming"]), BundleBasedDirectRunner()
    with beam.Pipeline(runner=runner, options=options) as pipeline:
        parsed = pipeline | stream | ParseStream(hearing)
        students = parsed.events | FollowStudents(following)
        revised = students | ReviseTables(revising)
        days = revised.traces | FollowDays(revising)
        contributions = (revised.contributions, days.contributions) | "Join" >> beam.Flatten()
        totals = contributions | TotalChanges(revising, gather_seconds)
        _ = (revised.changes, days.changes, totals) | beam.Flatten() | beam.Map(_keep)


@pytest.mark.parametrize(("tick_seconds", "gather_seconds"), [(1, 0), (0, 5), (1, 5)])
def test_a_session_goes_on_though_the_watermark_jumps_by_days_at_once(
    tick_seconds: float, gather_seconds: float
) -> None:
    first, then = _event("a", 0), _event("b", 20)
    stream = Stream(coder=TupleCoder((BytesCoder(), VarIntCoder())))
    marks = (NOON_MS, NOON_MS + 15 * MINUTE_MS, NOON_MS + 30 * DAY_MS)
    stream = stream.advance_watermark_to(_at(marks[0]))
    for record, read_at, reached in zip((first, then), marks, marks[1:], strict=False):
        stream = stream.add_elements([TimestampedValue((record, read_at), _at(read_at))])
        stream = stream.advance_watermark_to(_at(reached)).advance_processing_time(60)
    stream = stream.advance_processing_time(600).advance_watermark_to_infinity()
    _stream(stream, tick_seconds, gather_seconds)
    assert len(_as_batch([first, then])["sessions"]) == 1


def test_events_of_many_days_count_though_all_are_looked_at_in_one_second() -> None:
    """Each was read soon after it happened, or late by two hours, before days were given up."""
    stream = Stream(coder=TupleCoder((BytesCoder(), VarIntCoder())))
    stream = stream.advance_watermark_to(_at(NOON_MS))
    records = []
    for day in range(12):
        read_at = NOON_MS + day * DAY_MS
        for minute in (0, 20, -120):
            records.append(_event(f"{day}/{minute}", minute + day * DAY_MS / MINUTE_MS))
            stream = stream.add_elements([TimestampedValue((records[-1], read_at), _at(read_at))])
    stream = stream.advance_watermark_to(_at(NOON_MS + 30 * DAY_MS)).advance_processing_time(60)
    stream = stream.advance_processing_time(600).advance_watermark_to_infinity()
    _stream(stream, tick_seconds=1, gather_seconds=5)
    assert len(_as_batch(records)["sessions"]) == 24


def test_sums_that_are_too_large_to_be_compared_at_once_are_compared_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each group of sums alone, in the middle of a bundle."""
    monkeypatch.setattr(total_changes, "_MOST_BYTES", 1)
    stream = Stream(coder=TupleCoder((BytesCoder(), VarIntCoder())))
    records = [_event(str(minute), minute) for minute in range(0, 600, 7)]
    elements = [TimestampedValue((record, NOON_MS), _at(NOON_MS)) for record in records]
    stream = stream.advance_watermark_to(_at(NOON_MS)).add_elements(elements)
    stream = stream.advance_watermark_to(_at(NOON_MS + DAY_MS)).advance_processing_time(60)
    stream = stream.advance_processing_time(600).advance_watermark_to_infinity()
    _stream(stream, tick_seconds=1, gather_seconds=5)
    assert len(_as_batch(records)["chapter_hourly_activity"]) == 10


def _as_batch(records: list[bytes]) -> dict[str, Any]:
    """The tables of batch, which those of the stream are asserted to be."""
    batch = run(records, Plan()).tables
    of_layers = {t.name for t in tables.tables().values() if t.layer in ("silver", "gold")}
    stored, wanted = (
        {name: rows for name, rows in found.items() if name in of_layers}
        for found in (_store.tables(), batch)
    )
    assert differences(stored, wanted) == []
    return batch
