"""How do all events of a student come together without passing through the runner?

Canonical events are spilled to staging files, one Arrow record batch per shard of students; only
the places of the batches go through GroupByKey. See docs/decisions for what this saves.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import polars as pl
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipelines import storage

SPILL_ROWS = 125_000
_EVENTS, _LOADED = "events", "loaded"


@dataclass(frozen=True)
class Slice:
    """Where the events of a shard lie: a record batch of a staging file."""

    path: str
    batch: int


class SpillShards(beam.PTransform):
    """Write canonical events to staging, shard by shard.

    Input: frames with `shard`. Output: (shard, Slice). State: frames of a bundle, up to
    SPILL_ROWS rows.
    """

    def __init__(self, staging: str) -> None:
        super().__init__()
        self.staging = staging

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Wire the spill."""
        return events | "SpillEvents" >> beam.ParDo(_Spill(self.staging))


class _Spill(beam.DoFn):
    def __init__(self, staging: str) -> None:
        self.staging = staging
        self._frames: list[pl.DataFrame] = []

    def start_bundle(self) -> None:
        self._frames = []

    def process(self, events: pl.DataFrame) -> Iterator[tuple[int, Slice]]:
        self._frames.append(events)
        if sum(frame.height for frame in self._frames) >= SPILL_ROWS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for item in self._flush():
            yield WindowedValue(item, window.max_timestamp(), (window,))

    def _flush(self) -> Iterator[tuple[int, Slice]]:
        if not self._frames:
            return
        events = pl.concat(self._frames).sort("shard")
        self._frames = []
        name = f"{uuid.uuid4().hex}-{events.height}.arrow"
        path = storage.join(self.staging, _EVENTS, name)
        shards = events["shard"].rle().struct.unnest()
        storage.write_file(path, _to_file(events.drop("shard"), shards["len"].to_list()))
        for batch, shard in enumerate(shards["value"].to_list()):
            yield shard, Slice(path, batch)


def load_shard(slices: Iterable[Slice]) -> pl.DataFrame:
    """All events of a shard."""
    batches: list[pa.RecordBatch] = []
    for place in slices:
        if not batches:
            _mark_loaded(place)
        batches.append(_read_batch(place))
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


def staged_events(staging: str) -> int:
    """Events that lie in a local staging folder by now."""
    names = [path.stem for path in Path(staging, _EVENTS).glob("*.arrow")]
    return sum(int(name.rpartition("-")[2]) for name in names)


def loaded_shards(staging: str) -> int:
    """Shards that were loaded from a local staging folder by now."""
    return sum(1 for _ in Path(staging, _LOADED).glob("*"))


def _mark_loaded(place: Slice) -> None:
    """Leave a mark that progress is counted by; locally, where it costs nothing."""
    if storage.is_local(place.path):
        marks = Path(place.path).parent.with_name(_LOADED)
        marks.mkdir(exist_ok=True)
        (marks / uuid.uuid4().hex).touch()


def _read_batch(place: Slice) -> pa.RecordBatch:
    with pa.ipc.open_file(storage.read_file(place.path)) as reader:
        return reader.get_batch(place.batch)


def _to_file(events: pl.DataFrame, sizes: list[int]) -> pa.Buffer:
    table = events.to_arrow(compat_level=pl.CompatLevel.oldest())
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        first = 0
        for size in sizes:
            (batch,) = table.slice(first, size).combine_chunks().to_batches()
            writer.write_batch(batch)
            first += size
    return sink.getvalue()
