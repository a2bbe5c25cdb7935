"""Is every date whose chapter-days change told, not too often, and not before its change?"""

import datetime
import itertools
from collections.abc import Callable

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Stream

from transforms.note_trend_dates import TREND_DATES, NoteTrendDates

MONDAY, TUESDAY = datetime.date(2026, 3, 2), datetime.date(2026, 3, 3)
CHAPTERS = "chapter_engagement"
Change = tuple[str, pl.DataFrame]

_seen: list[tuple[str, tuple[datetime.date, ...]]] = []
_asked = itertools.count()


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    _seen.clear()


def _see(change: Change) -> None:
    _seen.append((change[0], tuple(change[1]["date"])))


def _epoch() -> datetime.datetime:
    """Beam's clock of tests begins here, and moves when it is told to; ours need not."""
    return datetime.datetime.fromtimestamp(0, datetime.UTC)


def _half_minutes() -> datetime.datetime:
    """A clock that goes on by half a minute whenever it is looked at."""
    return datetime.datetime.fromtimestamp(30 * next(_asked), datetime.UTC)


def _change(*dates: datetime.date, table: str = CHAPTERS) -> Change:
    return table, pl.DataFrame({"date": list(dates)})


def _told(
    stream: Stream, clock: Callable[[], datetime.datetime] = _epoch
) -> list[tuple[datetime.date, ...]]:
    options, runner = PipelineOptions(["--streaming"]), BundleBasedDirectRunner()
    with beam.Pipeline(runner=runner, options=options) as pipeline:
        changes = pipeline | stream
        told = changes | NoteTrendDates(clock, 60)
        _ = (changes, told) | beam.Flatten() | beam.Map(_see)
    return [dates for table, dates in _seen if table == TREND_DATES]


def test_a_date_is_told_once_for_all_its_changes_of_a_minute() -> None:
    stream = Stream().add_elements([_change(MONDAY, MONDAY)]).advance_processing_time(30)
    stream = stream.add_elements([_change(MONDAY)]).advance_processing_time(40)
    assert _told(stream.advance_watermark_to_infinity()) == [(MONDAY,)]
    assert [table for table, _ in _seen] == [CHAPTERS, CHAPTERS, TREND_DATES]


def test_a_date_is_told_though_nothing_comes_after_its_change() -> None:
    stream = Stream().add_elements([_change(MONDAY)]).advance_processing_time(61)
    stream = stream.add_elements([_change(MONDAY), _change(TUESDAY)])
    told = _told(stream.advance_processing_time(61).advance_watermark_to_infinity())
    assert sorted(told) == [(MONDAY,), (MONDAY,), (TUESDAY,)]


def test_tables_that_no_trend_is_found_in_tell_nothing() -> None:
    stream = Stream().add_elements([_change(MONDAY, table="video_engagement")])
    assert _told(stream.advance_processing_time(61).advance_watermark_to_infinity()) == []


def test_a_date_that_always_changes_is_told_all_the_same() -> None:
    stream = Stream()
    for _ in range(4):
        stream = stream.add_elements([_change(MONDAY)]).advance_processing_time(19)
    assert len(_told(stream.advance_watermark_to_infinity(), _half_minutes)) == 1
