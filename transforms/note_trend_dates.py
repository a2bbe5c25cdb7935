"""When does a stream look at the trends of chapters again? Some time after their days changed.

A trend is found in the stored days of four weeks, which is too much for every round of commits.
Dates wait in state, not in the process that commits: none is forgotten when that dies, and the last
change of all leads to a round of its own, whether anything comes after it or not.
"""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.coders import BooleanCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

from transforms.parse_stream import Changes
from transforms.ticks import next_tick

TREND_DATES = "trend_dates"
"""Stands where the name of a table would, for dates whose chapter-days have changed."""

_CHAPTERS = "chapter_engagement"


class NoteTrendDates(beam.PTransform):
    """Tell each date on which chapter-days change, at most once in `every_seconds` of the clock.

    Input: changes. Output: (TREND_DATES, one row: `date`), for all dates at the same moments. A
    checkpoint that holds a date as told holds the changes that it is told for too. State: whether a
    date waits, until it is told.
    """

    def __init__(self, clock: Callable[[], datetime.datetime], every_seconds: float) -> None:
        super().__init__()
        self.note = _Note(clock, every_seconds)

    def expand(self, changes: beam.PCollection) -> beam.PCollection:
        """Wire the waiting dates."""
        dates = changes | "DatesOfChapters" >> beam.FlatMap(_dates).with_output_types(
            tuple[str, bool]
        )
        return dates | "TellDates" >> beam.ParDo(self.note)


def _dates(changes: Changes) -> Iterator[tuple[str, bool]]:
    table, frame = changes
    if table == _CHAPTERS:
        yield from ((str(date), True) for date in frame["date"].unique())


class _Note(beam.DoFn):
    IS_WAITING = ReadModifyWriteStateSpec("is_waiting", BooleanCoder())
    TICK = TimerSpec("tick", TimeDomain.REAL_TIME)

    def __init__(self, clock: Callable[[], datetime.datetime], every_seconds: float) -> None:
        self.clock, self.every_seconds = clock, every_seconds

    def process(
        self,
        element: tuple[str, bool],
        is_waiting: Any = beam.DoFn.StateParam(IS_WAITING),
        tick: Any = beam.DoFn.TimerParam(TICK),
    ) -> None:
        # A timer that is set anew moves: of a date that always changes it would never fire.
        if not is_waiting.read():
            is_waiting.write(True)
            tick.set(next_tick(self.clock(), self.every_seconds))

    @on_timer(TICK)
    def tell(
        self,
        date: Any = beam.DoFn.KeyParam,
        is_waiting: Any = beam.DoFn.StateParam(IS_WAITING),
    ) -> Iterator[Changes]:
        """Changes that come from now on are for the next tick."""
        is_waiting.clear()
        yield TREND_DATES, pl.DataFrame({"date": [datetime.date.fromisoformat(date)]})
