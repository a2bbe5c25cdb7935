"""Which gold rows change when contributions do? Sums are kept, and their rows compared."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
from apache_beam.utils.timestamp import Timestamp

from schemas import tables
from transforms.contribute import Frames, sum_up
from transforms.detect_chapters import detect_low_engagement
from transforms.diff_rows import REVISION, diff_rows
from transforms.encode_frames import pack_frames, unpack_frames
from transforms.parse_stream import at_end_of_bundle
from transforms.present import present
from transforms.revise import drop_zeros
from transforms.revise_tables import ReviseSettings
from transforms.split_groups import group_of
from transforms.ticks import next_tick
from transforms.total_days import total_days

_CHAPTERS = "chapter_engagement"
_DAY_SECONDS = 86_400
_GRACE_SECONDS = 600
"""By the clock: what students have that was due before a date was given up is here by then,
however fast a replay passes days."""


@dataclass
class Sums:
    """Sums of a group so far: a frame per name of contributions; `revision` grows."""

    frames: Frames = field(default_factory=dict)
    revision: int = 0


@dataclass
class ChangedSums:
    """Sums of a group before and after, and the keys (rows of its table) that were added to."""

    before: Sums
    after: Sums
    keys: pl.DataFrame


def add_contributions(table: str, sums: Sums, added: Sequence[Frames]) -> ChangedSums:
    """Sums of a group of `table` with signed contributions, of one or more changes, added."""
    parts: dict[str, list[pl.DataFrame]] = {n: [frame] for n, frame in sums.frames.items()}
    for name, frame in (item for frames in added for item in frames.items()):
        known = parts.setdefault(name, [])
        known.append(frame.select(known[0].columns) if known else frame)
    changed = {name for frames in added for name in frames}
    summed = {name: drop_zeros(name, sum_up(name, parts[name])) for name in changed}
    keys = [frame.select(tables.get(table).key) for frames in added for frame in frames.values()]
    after = Sums({**sums.frames, **summed}, sums.revision + 1)
    return ChangedSums(sums, after, pl.concat(keys).unique())


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
    for name, rows in new.items():
        found = diff_rows(name, old.get(name, rows.clear()), rows)
        if not found.is_empty():
            key = list(tables.get(table).key)
            changes[name] = found.join(keys, key, "left", nulls_equal=True, maintain_order="left")
    return changes


def _touched(sums: Iterable[Sums], keys: pl.DataFrame) -> Frames:
    """The sums of some rows, of several groups together: no row is in two of them."""
    parts: dict[str, list[pl.DataFrame]] = {}
    for name, frame in (item for group in sums for item in group.frames.items()):
        parts.setdefault(name, []).append(frame)
    wanted = keys.drop(REVISION)
    return {
        name: pl.concat(frames, how="diagonal").join(
            wanted, wanted.columns, "semi", nulls_equal=True
        )
        for name, frames in parts.items()
    }


def _rows(
    table: str, sums: Frames, expected: pl.DataFrame, processed_at: datetime.datetime
) -> Frames:
    """Rows as stored: the table's, and the anomalies that they show."""
    if table not in sums:
        return {}
    totals = total_days(table, sums)
    rows = {table: present(table, totals, processed_at)}
    if table == _CHAPTERS:
        found = detect_low_engagement(rows[table], expected)
        rows["anomalies"] = present("anomalies", found, processed_at)
    return rows


class TotalChanges(beam.PTransform):
    """Add signed contributions to the sums of gold, and tell the rows that change by it.

    Contributions are gathered for `gather_seconds` (0: not at all), and the rows of all groups that
    are due then are made at once: the sums of a day are large, and more so the number of calls.

    Input: (group, packed frames). Output: changes. State: the sums of a group, until its date can
    change no more, and what is gathered.
    """

    def __init__(self, settings: ReviseSettings, gather_seconds: float = 0) -> None:
        super().__init__()
        self.total = _Total(settings, gather_seconds)

    def expand(self, contributions: beam.PCollection) -> beam.PCollection:
        """Wire the sums."""
        typed = contributions | "TypeContributions" >> beam.Map(
            lambda pair: pair
        ).with_output_types(tuple[str, bytes])
        return typed | "AddContributions" >> beam.ParDo(self.total)


class _Total(beam.DoFn):
    SUMS = ReadModifyWriteStateSpec("sums", BytesCoder())
    FRESH = BagStateSpec("fresh", BytesCoder())
    TICK = TimerSpec("tick", TimeDomain.REAL_TIME)
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)
    CLEAR = TimerSpec("clear", TimeDomain.REAL_TIME)

    def __init__(self, settings: ReviseSettings, gather_seconds: float) -> None:
        self.settings, self.gather_seconds = settings, gather_seconds
        self._changed: dict[str, ChangedSums] = {}

    def start_bundle(self) -> None:
        self._changed = {}

    def process(
        self,
        element: tuple[str, bytes],
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        tick: Any = beam.DoFn.TimerParam(TICK),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> None:
        name, packed = element
        if self.gather_seconds:
            fresh.add(packed)
            tick.set(next_tick(self.settings.clock(), self.gather_seconds))
        else:
            self._add(name, [packed], sums, forget)

    @on_timer(TICK)
    def add_gathered(
        self,
        name: Any = beam.DoFn.KeyParam,
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        forget: Any = beam.DoFn.TimerParam(FORGET),
    ) -> None:
        """Add what came since the last tick, at the same moment for all groups."""
        packed = list(fresh.read())
        fresh.clear()
        if packed:
            self._add(name, packed, sums, forget)

    def finish_bundle(self) -> Iterator[Any]:
        changed, self._changed = self._changed, {}
        by_table: dict[str, list[ChangedSums]] = {}
        for name, sums in changed.items():
            by_table.setdefault(group_of(name)[0], []).append(sums)
        for table, groups in by_table.items():
            yield from at_end_of_bundle(self._changes(table, groups).items())

    @on_timer(FORGET)
    def forget(self, clear: Any = beam.DoFn.TimerParam(CLEAR)) -> None:
        """The date is given up. Students wait for ticks of the clock, and may be behind."""
        clear.set(Timestamp(self.settings.clock().timestamp() + _GRACE_SECONDS))

    @on_timer(CLEAR)
    def clear(
        self,
        sums: Any = beam.DoFn.StateParam(SUMS),
        fresh: Any = beam.DoFn.StateParam(FRESH),
    ) -> None:
        """With what waits for the tick, only after that: it asks for this timer again."""
        if not any(True for _ in fresh.read()):
            sums.clear()

    def _add(self, name: str, packed: list[bytes], sums: Any, forget: Any) -> None:
        table, date, _ = group_of(name)
        changed = add_contributions(table, _open(sums.read()), list(map(unpack_frames, packed)))
        sums.write(_close(changed.after))
        forget.set(self._end_of(date))
        self._changed[name] = _after(self._changed.get(name), changed)

    def _changes(self, table: str, groups: list[ChangedSums]) -> Frames:
        expected = self.settings.derive.catalogue.expected
        return total_changes(table, groups, expected, self.settings.clock())

    def _end_of(self, date: datetime.date) -> Timestamp:
        midnight = datetime.datetime.combine(date, datetime.time(), datetime.UTC).timestamp()
        # Two days more: the date's last hour anywhere on earth, and a margin.
        return Timestamp(midnight + 3 * _DAY_SECONDS + self.settings.retention.kept_ms / 1000)


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
    return Sums(unpack_frames(stored[_REVISION_BYTES:]), revision)


def _close(sums: Sums) -> bytes:
    return sums.revision.to_bytes(_REVISION_BYTES, "big") + pack_frames(sums.frames)
