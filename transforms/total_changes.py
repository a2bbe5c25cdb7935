"""Which gold rows change when contributions do? Sums are kept, and their rows compared."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

from schemas import tables
from transforms.detect_chapters import detect_low_engagement
from transforms.diff_rows import REVISION, diff_rows
from transforms.encode_frames import FrameCoder
from transforms.forget_dates import given_up_at, grace_ends_at
from transforms.parse_stream import at_end_of_bundle
from transforms.present import present
from transforms.revise_tables import ReviseSettings
from transforms.split_groups import group_of
from transforms.sum_up import Frames, drop_zeros, sum_up
from transforms.ticks import next_tick
from transforms.total_days import total_days
from transforms.total_students import settled

_CHAPTERS = "chapter_engagement"
_MOST_BYTES = 16 << 20
"""Of sums whose rows are made at once: several times as much is needed for it. A chapter's sums
hold each length of visit, so those of a day can be much larger."""


@dataclass
class Sums:
    """Sums of a group so far, a row per key (None: no contributions yet); `revision` grows."""

    frame: pl.DataFrame | None = None
    revision: int = 0


@dataclass
class ChangedSums:
    """Sums of a group before and after, and the keys (rows of its table) that were added to."""

    before: Sums
    after: Sums
    keys: pl.DataFrame


def add_contributions(table: str, sums: Sums, added: Sequence[pl.DataFrame]) -> ChangedSums:
    """Sums of a group of `table` with signed contributions, of one or more changes, added."""
    fresh = drop_zeros(table, sum_up(table, added))
    parts = [fresh] if sums.frame is None else [sums.frame, fresh]
    after = Sums(drop_zeros(table, sum_up(table, parts)), sums.revision + 1)
    return ChangedSums(sums, after, fresh.select(tables.get(table).key))


def total_changes(
    table: str,
    changed: Iterable[ChangedSums],
    expected: pl.DataFrame,
    processed_at: datetime.datetime,
) -> Frames:
    """The rows that change by changed sums of several groups of one table, by table.

    `expected`: expected times of chapters, for the anomalies of chapter-days (`detect_chapters`).
    """
    groups = list(changed)
    keys = pl.concat(
        g.keys.with_columns(pl.lit(g.after.revision, pl.Int64).alias(REVISION)) for g in groups
    )
    old = _rows(table, _touched((g.before for g in groups), keys), expected, processed_at)
    new = _rows(table, _touched((g.after for g in groups), keys), expected, processed_at)
    changes = {}
    for name, rows in (old | new).items():
        found = diff_rows(name, old.get(name, rows.clear()), new.get(name, rows.clear()))
        if not found.is_empty():
            key = list(tables.get(table).key)
            changes[name] = found.join(keys, key, "left", nulls_equal=True, maintain_order="left")
    return changes


def _touched(sums: Iterable[Sums], keys: pl.DataFrame) -> pl.DataFrame | None:
    """The sums of some rows, of several groups together: no row is in two of them."""
    wanted = keys.drop(REVISION)
    known = [of_group.frame for of_group in sums if of_group.frame is not None]
    parts = [f.join(wanted, wanted.columns, "semi", nulls_equal=True) for f in known]
    return pl.concat(parts, how="diagonal") if parts else None


def _rows(
    table: str, sums: pl.DataFrame | None, expected: pl.DataFrame, processed_at: datetime.datetime
) -> Frames:
    """Rows as stored: the table's, and the anomalies that they show."""
    if sums is None or (sums := settled(table, sums)).is_empty():
        return {}
    rows = {table: present(table, total_days(table, sums), processed_at)}
    if table == _CHAPTERS:
        found = detect_low_engagement(rows[table], expected)
        rows["anomalies"] = present("anomalies", found, processed_at)
    return rows


class TotalChanges(beam.PTransform):
    """Add signed contributions to the sums of gold, and tell the rows that change by it.

    Contributions are gathered for `gather_seconds` (0: not at all), and the rows of many groups
    that are due then are made at once, as calls cost more than small sums do.

    Input: (group, encoded frame). Output: changes. State: the sums of a group, until its date can
    change no more, and what is gathered.
    """

    def __init__(self, settings: ReviseSettings, gather_seconds: float = 0) -> None:
        super().__init__()
        self.total = _Total(settings, gather_seconds)

    def expand(self, contributions: beam.PCollection) -> beam.PCollection:
        """Wire the sums."""
        return contributions | "AddContributions" >> beam.ParDo(self.total)


class _Total(beam.DoFn):
    SUMS = ReadModifyWriteStateSpec("sums", BytesCoder())
    FRESH = BagStateSpec("fresh", BytesCoder())
    TICK = TimerSpec("tick", TimeDomain.REAL_TIME)
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)
    CLEAR = TimerSpec("clear", TimeDomain.REAL_TIME)

    def __init__(self, settings: ReviseSettings, gather_seconds: float) -> None:
        self.settings, self.gather_seconds = settings, gather_seconds
        self._changed: dict[str, ChangedSums] = {}
        self._bytes = 0

    def start_bundle(self) -> None:
        self._changed, self._bytes = {}, 0

    def process(
        self,
        element: tuple[str, bytes],
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        tick: Any = beam.DoFn.TimerParam(TICK),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[Any]:
        name, encoded = element
        if self.gather_seconds:
            fresh.add(encoded)
            tick.set(next_tick(self.settings.clock(), self.gather_seconds))
        else:
            yield from self._add(name, [encoded], sums, forget)

    @on_timer(TICK)
    def add_gathered(
        self,
        name: Any = beam.DoFn.KeyParam,
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> Iterator[Any]:
        """Add what came since the last tick, at the same moment for all groups."""
        encoded = list(fresh.read())
        fresh.clear()
        if encoded:
            yield from self._add(name, encoded, sums, forget)

    def finish_bundle(self) -> Iterator[Any]:
        yield from self._flush()

    @on_timer(FORGET)
    def forget(self, clear: Any = beam.DoFn.TimerParam(CLEAR)) -> None:
        """The date is given up."""
        clear.set(grace_ends_at(self.settings.clock()))

    @on_timer(CLEAR)
    def clear(
        self,
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
    ) -> None:
        """With what waits for the tick, only after that: it asks for this timer again."""
        if not any(True for _ in fresh.read()):
            sums.clear()

    def _add(self, name: str, encoded: list[bytes], sums: Any, forget: Any) -> Iterator[Any]:
        table, date, _ = group_of(name)
        added = list(map(FrameCoder().decode, encoded))
        changed = add_contributions(table, _open(sums.read()), added)
        sums.write(_close(changed.after))
        forget.set(given_up_at(date, self.settings.retention))
        self._changed[name] = _after(self._changed.get(name), changed)
        self._bytes += _size(changed.after)
        if self._bytes >= _MOST_BYTES:
            yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        """The changes of all groups since the last time."""
        changed, self._changed, self._bytes = self._changed, {}, 0
        by_table: dict[str, list[ChangedSums]] = {}
        for name, sums in changed.items():
            by_table.setdefault(group_of(name)[0], []).append(sums)
        expected = self.settings.derive.catalogue.expected
        for table, groups in by_table.items():
            changes = total_changes(table, groups, expected, self.settings.clock())
            yield from at_end_of_bundle(changes.items())


def _after(earlier: ChangedSums | None, later: ChangedSums) -> ChangedSums:
    """Two changes of one group as one."""
    if earlier is None:
        return later
    keys = pl.concat([earlier.keys, later.keys]).unique()
    return ChangedSums(earlier.before, later.after, keys)


_REVISION_BYTES = 8


def _open(stored: bytes | None) -> Sums:
    if stored is None:
        return Sums()
    revision = int.from_bytes(stored[:_REVISION_BYTES], "big")
    return Sums(FrameCoder().decode(stored[_REVISION_BYTES:]), revision)


def _close(sums: Sums) -> bytes:
    assert sums.frame is not None
    return sums.revision.to_bytes(_REVISION_BYTES, "big") + FrameCoder().encode(sums.frame)


def _size(sums: Sums) -> int:
    return 0 if sums.frame is None else int(sums.frame.estimated_size())
