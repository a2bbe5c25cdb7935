"""How many records of a stream are parsed together? As many as come while parsing rests."""

import datetime
import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from tests.in_memory import Plan, settings
from transforms.parse_stream import StreamSettings, _Parse

MARK_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z


class _Clock:
    """Each record comes 10 ms after the one before; parsing takes what it is told to."""

    def __init__(self, parsing_seconds: float) -> None:
        self.seconds, self.parsing_seconds = MARK_MS / 1000, parsing_seconds

    def __call__(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.seconds, datetime.UTC)

    def count(self, name: str, number: int) -> None:
        """Nobody watches."""


def _sizes(parsing_seconds: float, **more: Any) -> list[int]:
    """How many records each frame of a long bundle holds."""
    clock = _Clock(parsing_seconds)
    parser = _Parse(replace(StreamSettings(settings(Plan()), 0, clock, clock.count), **more))
    parser.setup()
    parser.start_bundle()
    sizes = []
    for number in range(300):
        record = {"event_id": f"e{number}", "student_id": "s", "event_type": "page_view"}
        line = json.dumps(record | {"timestamp": MARK_MS + number}).encode()
        for frame in parser.process((line, MARK_MS)):
            assert isinstance(frame, pl.DataFrame)
            sizes.append(frame.height)
            clock.seconds += clock.parsing_seconds
        clock.seconds += 0.01
    return sizes


@pytest.mark.parametrize(
    ("parsing_seconds", "records"),
    [(0.0, 6), (0.01, 6), (0.03, 10), (10.0, 21)],
    ids=["at once", "soon", "three times as long as it takes", "at most"],
)
def test_the_longer_parsing_takes_the_more_records_are_parsed_together(
    parsing_seconds: float, records: int
) -> None:
    assert set(_sizes(parsing_seconds)[1:-1]) <= {records, records + 1}


def test_without_gathering_each_record_is_parsed_alone() -> None:
    assert set(_sizes(0.0, gather_seconds=0)) == {1}
