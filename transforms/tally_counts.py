"""How many records, events, sessions … has a stream counted since it began?"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from transforms.parse_stream import Changes

RUN_COUNTS = "run_counts"
"""Stands where the name of a table would, for the counts of the run so far."""


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
