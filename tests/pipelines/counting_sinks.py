"""Which stream shows that sinks keep each record once? Numbers, kept in a raw zone and in a lake.

`python -m tests.pipelines.counting_sinks FOLDER CHECKPOINT` runs until it is killed.
"""

import datetime
import json
import sys
import time
from pathlib import Path

import apache_beam as beam
import polars as pl
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse

from pipelines.outputs.keep_tables import KeepTables
from pipelines.outputs.raw_zone import KeepRaw
from pipelines.services import flink
from tests.pipelines.counting_stream import _Count
from tests.pipelines.stream_lake import RETENTION, changes, event, stream_run
from transforms.derive import DeriveOptions

RUN_ID = "20260301T080000-00000001"


def line(number: int) -> tuple[bytes, int]:
    """The number as a record of the raw zone, each a minute after the one before."""
    at = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC) + datetime.timedelta(minutes=number)
    envelope = {
        "received_at": at.isoformat(),
        "topic": "numbers",
        "partition": 0,
        "offset": number,
        "record": "{}",
    }
    return json.dumps(envelope).encode(), 0


def change(number: int) -> tuple[str, pl.DataFrame]:
    """The number as a new row of the lake."""
    return "events", changes("events", event(f"{number:06d}", number % 60))


def submit(folder: Path, checkpoint: str) -> None:
    """Start, from a checkpoint if one is named."""
    flags = [
        *flink.embedded_options(folder, savepoint=checkpoint or None, checkpoint_ms=2000),
        "--finish_bundle_before_checkpointing",
    ]
    pipeline = beam.Pipeline(options=PipelineOptions(flags))
    numbers = (
        pipeline
        | "Tick" >> PeriodicImpulse(fire_interval=0.02)
        | "Key" >> beam.Map(lambda _: ("all", 1)).with_output_types(tuple[str, int])
        | "Count" >> beam.ParDo(_Count())
    )
    raw = KeepRaw(str(folder / "raw"), file_bytes=1000, file_seconds=1)
    _ = numbers | "Lines" >> beam.Map(line) | "KeepRaw" >> raw
    lake = KeepTables(
        str(folder / "lake"), stream_run(RUN_ID), DeriveOptions(), RETENTION.owned_from
    )
    _ = numbers | "Changes" >> beam.Map(change) | "KeepTables" >> lake
    pipeline.run()


if __name__ == "__main__":
    # Workers import this module by its name: what they run must not live in __main__.
    from tests.pipelines import counting_sinks

    counting_sinks.submit(Path(sys.argv[1]), sys.argv[2])
    time.sleep(600)
