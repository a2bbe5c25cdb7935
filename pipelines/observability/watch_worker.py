"""What does a worker tell of itself while records pass? Figures, health and logs."""

import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import msgspec
import polars as pl

from pipelines.inputs.streams.sources import Element
from pipelines.observability import observe
from pipelines.observability.health import HEALTH, keep_health
from pipelines.observability.logs import start_worker_logging
from transforms.live_moment import live_moment
from transforms.read_times import read_time


class WatchWorker(beam.PTransform):
    """Hand records on, and tell how far they are behind the clock.

    Input and output: `(envelope line, watermark in ms)`.
    """

    def __init__(
        self, log_format: str, job_name: str, metrics_port: int, health_file: str | None
    ) -> None:
        super().__init__()
        self.watch = _Watch(log_format, job_name, metrics_port, health_file)

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Wire the watcher."""
        return records | "WatchRecords" >> beam.ParDo(self.watch).with_output_types(Element)


class WatchEvents(beam.PTransform):
    """Tell how many students could still go on with their session.

    Input: frames of canonical events with `watermark_ms`. Output: none. A worker that has just
    begun knows only of those it has seen.
    """

    def __init__(self, session_gap_ms: int, max_future_ms: int) -> None:
        super().__init__()
        self.session_gap_ms, self.max_future_ms = session_gap_ms, max_future_ms

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire the watcher; nothing comes out."""
        counting = _CountOpen(self.session_gap_ms, self.max_future_ms)
        return events | "CountOpenSessions" >> beam.ParDo(counting)


class _CountOpen(beam.DoFn):
    def __init__(self, session_gap_ms: int, max_future_ms: int) -> None:
        self._gap_ms, self._moment = session_gap_ms, live_moment(max_future_ms)
        self._last_ms: dict[str, int] = {}
        self._watermark_ms = 0

    def process(self, events: pl.DataFrame) -> None:
        for student, end_ms in events.select("student_hash", self._moment).iter_rows():
            self._last_ms[student] = max(end_ms, self._last_ms.get(student, 0))
        self._watermark_ms = events["watermark_ms"][-1]

    def finish_bundle(self) -> None:
        oldest_ms = self._watermark_ms - self._gap_ms
        self._last_ms = {name: ms for name, ms in self._last_ms.items() if ms >= oldest_ms}
        observe.gauge("open_sessions", len(self._last_ms))


class _Receipt(msgspec.Struct):
    received_at: Any


_read_receipt = msgspec.json.Decoder(_Receipt).decode


class _Watch(beam.DoFn):
    def __init__(
        self, log_format: str, job_name: str, metrics_port: int, health_file: str | None
    ) -> None:
        self._logging = log_format, job_name
        self._metrics_port, self._health_file = metrics_port, health_file
        self._last: Element | None = None

    def setup(self) -> None:
        start_worker_logging(*self._logging)
        if self._metrics_port:
            observe.serve(self._metrics_port)
        if self._health_file:
            keep_health(self._health_file)

    def start_bundle(self) -> None:
        self._last = None

    def process(self, element: Element) -> Iterator[Element]:
        self._last = element
        yield element

    def finish_bundle(self) -> None:
        if self._last is None:
            return
        line, watermark_ms = self._last
        received_ms = read_time(_read_receipt(line).received_at)
        lag = None if received_ms is None else max(0.0, time.time() - received_ms / 1000)
        HEALTH.note_read(lag)
        observe.count("bundles")
        observe.gauge("watermark_seconds", watermark_ms / 1000)
        if lag is not None:
            observe.gauge("lag_seconds", lag)
