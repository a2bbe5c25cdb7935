"""How do events become live figures? Each flush is described and sent, beside the pipeline."""

import logging
from dataclasses import dataclass, field

import apache_beam as beam
import polars as pl

from pipelines.live.keys import LiveKeys
from pipelines.outputs.live_store import LiveStore, open_client, pack_update
from pipelines.outputs.send_live import MOST_BYTES, LiveSender
from transforms.describe_live import describe_live
from transforms.live_moment import MAX_FUTURE_MS
from transforms.options import MetricOptions

MOST_WAIT_SECONDS = 0.05
"""For the store, at the end of a bundle: it holds up the pipeline no longer."""
LAST_WAIT_SECONDS = 5.0
_log = logging.getLogger("chapterflow.live")


@dataclass
class UpdateLive(beam.PTransform):
    """Keeps the live store up to date.

    Input: frames of canonical events of many students, in any order, with `watermark_ms`.
    Output: none. Time: whatever windows there are. State: none; what waits for the store is lost
    with the worker, and set right by the events that follow. Errors: none reach the pipeline; the
    events it could not write are counted. Stable input is not needed, as the store merges.
    """

    live_store: str
    options: MetricOptions = field(default_factory=MetricOptions)
    max_future_ms: int = MAX_FUTURE_MS
    prefix: str = "cf:"
    most_bytes: int = MOST_BYTES

    def expand(self, events: beam.PCollection) -> None:
        """Attach to the events."""
        _ = events | "WriteLive" >> beam.ParDo(_WriteLive(self))


class _WriteLive(beam.DoFn):
    def __init__(self, asked: UpdateLive):
        self._live_store, self._options = asked.live_store, asked.options
        self._max_future_ms = asked.max_future_ms
        self._prefix, self._most_bytes = asked.prefix, asked.most_bytes
        self._sender: LiveSender | None = None

    def setup(self) -> None:
        client = open_client(self._live_store)
        store = LiveStore(client, self._options, LiveKeys(self._prefix))
        self._sender = LiveSender(store, self._most_bytes)

    def process(self, events: pl.DataFrame) -> None:
        update = describe_live(events, self._options, self._max_future_ms)
        if update is not None and self._sender is not None:
            self._sender.offer(pack_update(update))

    def finish_bundle(self) -> None:
        if self._sender is not None:
            self._sender.wait(MOST_WAIT_SECONDS)

    def teardown(self) -> None:
        if self._sender is not None and not self._sender.close(LAST_WAIT_SECONDS):
            _log.warning("some events were not written to the live store before the end")
        self._sender = None
