"""Which stream shows that Flink works and recovers? A count in state, noted in a file.

    python -m tests.pipelines.counting_stream FOLDER

runs it on a Flink of its own until killed, from the folder's latest checkpoint if there is one.
"""

import sys
import time
from pathlib import Path

import apache_beam as beam
from apache_beam import coders
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from pipelines.services import flink

CHECKPOINT_MS = 1000


class _Count(beam.DoFn):
    """The how manieth it is, by state."""

    COUNT = ReadModifyWriteStateSpec("count", coders.VarIntCoder())

    def process(self, element, count=beam.DoFn.StateParam(COUNT)):
        number = (count.read() or 0) + 1
        count.write(number)
        yield number


class _Note(beam.DoFn):
    """A line for each number, at once."""

    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, number: int) -> None:
        with open(self._path, "a") as file:
            file.write(f"{number}\n")


def submit(flags: list[str], path: Path) -> None:
    """Start counting twenty times a second; waits for nothing."""
    pipeline = beam.Pipeline(options=PipelineOptions(flags))
    _ = (
        pipeline
        | "Tick" >> PeriodicImpulse(fire_interval=0.05)
        | "Key" >> beam.Map(lambda _: ("all", 1)).with_output_types(tuple[str, int])
        | "Count" >> beam.ParDo(_Count()).with_output_types(int)
        | "Note" >> beam.ParDo(_Note(str(path)))
    )
    pipeline.run()


def noted(path: Path) -> list[int]:
    """The numbers so far."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


if __name__ == "__main__":
    # Workers import this module by its name: what they run must not live in __main__.
    from tests.pipelines.counting_stream import submit as submit_stream

    folder = Path(sys.argv[1])
    latest = flink.latest_checkpoint(folder)
    submit_stream(
        flink.embedded_options(folder, latest, checkpoint_ms=CHECKPOINT_MS), folder / "numbers"
    )
    while True:
        time.sleep(60)
