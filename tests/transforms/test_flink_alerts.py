"""Do timers of a real Flink judge every minute, also those after the last event?"""

import datetime
import shutil
import time
from pathlib import Path
from random import Random

import apache_beam as beam
import polars as pl
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.services.flink import embedded_options
from tests.needs import need
from tests.transforms.busy_school import BEGIN_MS, frames, incidents, lively
from transforms.alert_options import MINUTE_MS, AlertOptions, AlertRules
from transforms.raise_alerts import RaiseAlerts

SMALL = AlertRules(
    AlertOptions(drop_from_students=4, video_views=2, idle_students=2, new_level_minutes=20)
)
DRAINED_MS = BEGIN_MS + 10_000 * MINUTE_MS
PATIENCE_SECONDS = 90.0
Told = tuple[str, int]


def _clock() -> datetime.datetime:
    return datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)


class _Write(beam.DoFn):
    def __init__(self, path: Path):
        self._path = path

    def process(self, change: tuple[str, pl.DataFrame]) -> None:
        told = change[1].select("alert_id", "revision").rows()
        with self._path.open("a") as file:
            file.writelines(f"{alert_id} {revision}\n" for alert_id, revision in told)


def _read(path: Path) -> list[Told]:
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted((name, int(revision)) for name, revision in map(str.split, lines))


def test_flink_gives_the_incidents_of_the_evaluator(tmp_path: Path) -> None:
    need(shutil.which("java"), "no java on the PATH")
    sent = lively(Random(4))
    told = incidents(sent, DRAINED_MS, SMALL)
    expected = sorted((incident.alert_id, incident.revision) for incident in told)
    assert len(expected) >= 4
    parsed, path = frames(sent, 5), tmp_path / "told"
    pipeline = beam.Pipeline(options=PipelineOptions(embedded_options(tmp_path / "flink")))
    events = pipeline | beam.Impulse() | beam.FlatMap(lambda _: parsed) | beam.Reshuffle()
    raised = events | RaiseAlerts(_clock, SMALL)
    _ = raised.changes | "Write" >> beam.ParDo(_Write(path))
    running = pipeline.run()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _read(path) != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        assert _read(path) == expected
    finally:
        running.cancel()
