"""Which files of a Delta table hold rows of these keys? Found without reading them again and again.

Files never change, so the hashes of a file's keys can be kept in memory. What is not in memory is
read only when the bounds of its times allow a match.
"""

import datetime
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from deltalake import DeltaTable

from pipelines import storage
from schemas import arrow, tables

KEPT_BYTES = 256 << 20
"""Hashes in memory: those of 32 million rows."""
KEPT_SECONDS = 300.0
"""Hashes that were not looked at for so long are let go: few events are as late."""


@dataclass(frozen=True)
class DataFile:
    """A file of a table. `written_ms`: when (epoch ms).

    `bounds`: least and largest value by column, where they are known.
    """

    path: str
    date: datetime.date | None
    size_bytes: int
    rows: int
    written_ms: int
    bounds: dict[str, tuple[Any, Any]]


class FoundKeys:
    """Hashes of the keys of files that were looked at, by table and file; the latest used ones.

    Tables are committed side by side, each in a thread of its own.
    """

    def __init__(
        self,
        warehouse: str,
        limit_bytes: int = KEPT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._warehouse, self._limit_bytes, self._clock = warehouse, limit_bytes, clock
        # With the moment when they were looked at last, which is their order.
        self._hashes: OrderedDict[tuple[str, str], tuple[float, np.ndarray]] = OrderedDict()
        self._bytes = 0
        self._one_at_a_time = threading.Lock()

    def matching(
        self, table: tables.Table, files: Iterable[DataFile], keys: pl.DataFrame
    ) -> list[DataFile]:
        """The files that hold one of `keys`; once in 10¹⁵ comparisons also another."""
        columns = key_in_files(table)
        if not columns:
            return list(files)
        wanted = _Wanted(keys.select(columns))
        return [
            file
            for file in files
            if len(here := wanted.within(file)) and _has_any(self._of(table, file), here)
        ]

    def add(self, table: tables.Table, path: str, rows: pl.DataFrame) -> None:
        """Remember the keys of a file that was just written."""
        columns = key_in_files(table)
        if columns:
            self._keep((table.name, path), _hashes(rows.select(columns)).sort().to_numpy())

    @property
    def size_bytes(self) -> int:
        """What is in memory."""
        return self._bytes

    def forget(self, table: tables.Table, path: str) -> None:
        """Let go of the keys of a file that is no longer part of the table."""
        with self._one_at_a_time:
            self._drop((table.name, path))

    def _of(self, table: tables.Table, file: DataFile) -> np.ndarray:
        place = (table.name, file.path)
        if kept := self._hashes.get(place):
            hashes = kept[1]
        else:
            rows = read_rows(self._warehouse, table, file, key_in_files(table))
            hashes = _hashes(rows).sort().to_numpy()
        self._keep(place, hashes)
        return hashes

    def _keep(self, place: tuple[str, str], hashes: np.ndarray) -> None:
        with self._one_at_a_time:
            now = self._clock()
            self._drop(place)
            self._hashes[place] = now, hashes
            self._bytes += hashes.nbytes
            while self._is_too_much(oldest := next(iter(self._hashes)), now):
                self._drop(oldest)

    def _is_too_much(self, oldest: tuple[str, str], now: float) -> bool:
        has_others = len(self._hashes) > 1
        is_old = self._hashes[oldest][0] < now - KEPT_SECONDS
        return has_others and (is_old or self._bytes > self._limit_bytes)

    def _drop(self, place: tuple[str, str]) -> None:
        if kept := self._hashes.pop(place, None):
            self._bytes -= kept[1].nbytes


def key_in_files(table: tables.Table) -> list[str]:
    """The columns of the key, but that of the partition, which no file holds."""
    return [column for column in table.key if column != table.partition]


def files_of(delta: DeltaTable, table: tables.Table) -> list[DataFile]:
    """The files of a table as it was loaded."""
    adds = pl.DataFrame(delta.get_add_actions(flatten=True))
    date = f"partition.{table.partition}"
    known = [
        column
        for column in key_in_files(table)
        if f"min.{column}" in adds.columns and f"max.{column}" in adds.columns
    ]
    return [
        DataFile(
            row["path"],
            row[date] if table.partition else None,
            row["size_bytes"],
            row["num_records"],
            row["modification_time"],
            {c: (row[f"min.{c}"], row[f"max.{c}"]) for c in known},
        )
        for row in adds.iter_rows(named=True)
    ]


def read_rows(
    warehouse: str, table: tables.Table, file: DataFile, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Rows of a file as they are stored, with the date; columns that it does not have are null."""
    path = storage.join(warehouse, table.path, file.path)
    source = path if storage.is_local(path) else storage.read_file(path).to_pybytes()
    schema = stored_schema(table)
    names = list(schema) if columns is None else list(columns)
    inside = set(pl.read_parquet_schema(source))
    rows = pl.read_parquet(
        source, columns=[n for n in names if n in inside], hive_partitioning=False
    )
    absent = {n: pl.lit(file.date if n == table.partition else None) for n in names}
    added = [value.alias(n) for n, value in absent.items() if n not in inside]
    return rows.with_columns(added).select(pl.col(n).cast(schema[n]) for n in names)


@cache
def stored_schema(table: tables.Table) -> Mapping[str, pl.DataType]:
    """Types of the columns of a table, in their order."""
    empty = pl.DataFrame(arrow.schema(table.name).empty_table())
    return MappingProxyType(dict(empty.schema))


def _hashes(keys: pl.DataFrame) -> pl.Series:
    # Nulls are values of a key, and a hash of a struct takes them so.
    return keys.select(pl.struct(pl.all()).hash().alias("hash"))["hash"]


def _has_any(hashes: np.ndarray, wanted: np.ndarray) -> bool:
    if not len(hashes):
        return False
    places = np.searchsorted(hashes, wanted)
    return bool((hashes[np.minimum(places, len(hashes) - 1)] == wanted).any())


class _Wanted:
    """Keys that are looked for: their hashes, by the time that is part of a key if there is one."""

    def __init__(self, keys: pl.DataFrame) -> None:
        times = keys.select(cs.datetime())
        is_placed = times.width == 1 and not times.to_series().null_count()
        ordered = keys.sort(times.columns) if is_placed else keys
        self._times = ordered[times.columns[0]] if is_placed else None
        self._hashes = _hashes(ordered).to_numpy()

    def within(self, file: DataFile) -> np.ndarray:
        """The hashes of those that the bounds of a file allow."""
        if self._times is None:
            return self._hashes
        least, most = file.bounds.get(self._times.name, (None, None))
        if least is None or most is None:
            return self._hashes
        first = self._times.search_sorted(least, side="left")
        return self._hashes[first : self._times.search_sorted(most, side="right")]
