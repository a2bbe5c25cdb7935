"""How do workers write rows? As Parquet files that no reader sees before the commit names them."""

import datetime
import io
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import polars as pl
import polars.selectors as cs
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipelines import storage
from schemas import tables

BUFFER_BYTES = 128 << 20
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class NewFile:
    """A data file that a commit is to add to a table. `path` is relative to the table's folder.

    `bounds`: name, least and largest value of the times in the key, so that readers skip files.
    """

    table: str
    path: str
    date: datetime.date | None
    size_bytes: int
    rows: int
    bounds: tuple[tuple[str, str, str], ...] = ()


class WriteRows(beam.PTransform):
    """Write rows of many tables as Parquet, by date.

    Input: (table, frame as stored). Output: NewFile. State: frames of a bundle, up to
    BUFFER_BYTES, so that files do not get tiny.

    `keeps_partition`: files hold the date too, for readers that do not take it from the folder.
    """

    def __init__(self, warehouse: str, keeps_partition: bool = False) -> None:
        super().__init__()
        self.warehouse, self.keeps_partition = warehouse, keeps_partition

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Wire the writer."""
        return rows | "WriteFiles" >> beam.ParDo(_Write(self.warehouse, self.keeps_partition))


class _Write(beam.DoFn):
    def __init__(self, warehouse: str, keeps_partition: bool) -> None:
        self.warehouse, self.keeps_partition = warehouse, keeps_partition
        self._rows: dict[str, list[pa.Table]] = {}
        self._bytes: Counter[str] = Counter()

    def start_bundle(self) -> None:
        self._rows, self._bytes = {}, Counter()

    def process(self, element: tuple[str, pl.DataFrame]) -> Iterator[NewFile]:
        table, frame = element
        # Rows of a frame point into the texts of the whole shard: a copy lets go of those.
        rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        self._rows.setdefault(table, []).append(rows)
        self._bytes[table] += rows.nbytes
        if self._bytes.total() >= BUFFER_BYTES:
            # The largest alone: the files of small tables would get tiny.
            ((largest, _),) = self._bytes.most_common(1)
            yield from self._flush(largest)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for table in list(self._rows):
            for file in self._flush(table):
                yield WindowedValue(file, window.max_timestamp(), (window,))

    def _flush(self, table: str) -> Iterator[NewFile]:
        del self._bytes[table]
        rows = pl.from_arrow(pa.concat_tables(self._rows.pop(table)))
        assert isinstance(rows, pl.DataFrame)
        yield from write_rows(self.warehouse, table, rows, self.keeps_partition)


def write_rows(
    warehouse: str, table: str, frame: pl.DataFrame, keeps_partition: bool = False
) -> Iterator[NewFile]:
    """Write the rows of one table, a file for each date (one file where there are no dates)."""
    described = tables.get(table)
    if described.partition is None:
        yield _write_file(warehouse, described, None, frame)
        return
    parts = frame.partition_by(described.partition, as_dict=True, include_key=keeps_partition)
    for (date,), part in parts.items():
        yield _write_file(warehouse, described, date, part)


def _write_file(
    warehouse: str, table: tables.Table, date: datetime.date | None, frame: pl.DataFrame
) -> NewFile:
    folder = f"{table.partition}={date}/" if table.partition else ""
    path = f"{folder}part-{uuid.uuid4().hex}.parquet"
    sink = io.BytesIO()
    frame.write_parquet(sink, compression="zstd", compression_level=1, statistics=True)
    content = sink.getbuffer()
    storage.write_file(storage.join(warehouse, table.path, path), content)
    return NewFile(table.name, path, date, content.nbytes, frame.height, _bounds(table, frame))


def _bounds(table: tables.Table, frame: pl.DataFrame) -> tuple[tuple[str, str, str], ...]:
    times = frame.select(column for column in table.key if column in frame.columns)
    times = times.select(cs.datetime())
    return tuple(
        (time.name, *pl.Series([time.min(), time.max()], dtype=time.dtype).dt.strftime(_TIME))
        for time in times
        if time.len() and not time.null_count()
    )
