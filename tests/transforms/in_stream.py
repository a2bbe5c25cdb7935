"""What tables does a stream of events leave, without Beam? The pure steps, one after the other."""

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from schemas import tables
from tests.in_memory import PROCESSED_AT
from transforms.contribute import Frames
from transforms.derive import DeriveOptions
from transforms.diff_rows import IS_DELETED, REVISION
from transforms.pack_events import pack_events, pack_rows, unpack_events, unpack_rows
from transforms.retain import Kept, Retention, retain
from transforms.revise import revise
from transforms.total_changes import Sums, split_groups, total_changes

Key = tuple[Any, ...]


@dataclass
class Store:
    """Tables as a sink keeps them: rows by key, the newest revision wins, retracted rows go."""

    rows: dict[str, dict[Key, dict]] = field(default_factory=dict)
    retracted: Counter[str] = field(default_factory=Counter)

    def apply(self, table: str, changes: pl.DataFrame) -> None:
        """Upserts and retractions of one table."""
        key, kept = tables.get(table).key, self.rows.setdefault(table, {})
        for row in changes.sort(REVISION, maintain_order=True).to_dicts():
            identity = tuple(row[name] for name in key)
            is_deleted = row.pop(IS_DELETED)
            del row[REVISION]
            if is_deleted:
                self.retracted[table] += 1
                kept.pop(identity, None)
            else:
                kept[identity] = row

    def tables(self) -> dict[str, list[dict]]:
        """All rows by table."""
        return {name: list(rows.values()) for name, rows in self.rows.items()}


@dataclass
class Stream:
    """The state of all stages of a stream, and the store that it writes."""

    options: DeriveOptions
    retention: Retention
    store: Store = field(default_factory=Store)
    kept: dict[str, tuple[bytes, int, int]] = field(default_factory=dict)
    sums: dict[tuple, Sums] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, events: pl.DataFrame, watermark_ms: int) -> None:
        """One bundle: panes of several students, read at a watermark."""
        panes: dict[str, list[bytes]] = {}
        for student, _, packed in pack_events(events):
            panes.setdefault(student, []).append(packed)
        students = []
        for student, packed in panes.items():
            blob, watermark, revision = self.kept.get(student, (pack_rows([]), 0, 0))
            known = Kept(unpack_rows(blob), watermark, revision)
            changed, kept = retain(
                student, known, unpack_events(packed), watermark_ms, self.retention
            )
            self.kept[student] = (pack_rows(kept.rows), kept.watermark_ms, kept.revision)
            students.append(changed)
        revised = revise(students, self.options, PROCESSED_AT)
        self.counts.update(revised.counts)
        for table, frame in revised.changes.items():
            self.store.apply(table, frame)
        self._total(revised.contributions)

    def _total(self, contributions: Frames) -> None:
        for group, added in split_groups(contributions):
            expected = self.options.catalogue.expected
            sums, changes = total_changes(
                group[0], self.sums.get(group, Sums()), added, expected, PROCESSED_AT
            )
            self.sums[group] = sums
            for table, frame in changes.items():
                self.store.apply(table, frame)


def stream(
    bundles: Iterable[tuple[pl.DataFrame, int]],
    options: DeriveOptions,
    allowed_lateness: datetime.timedelta,
) -> Stream:
    """Take bundles of (events, watermark) one after the other."""
    metrics = options.metrics
    retention = Retention(
        metrics.session_gap_ms,
        metrics.max_session_ms,
        round(allowed_lateness.total_seconds() * 1000),
        metrics.reporting_timezone,
    )
    state = Stream(options, retention)
    for events, watermark_ms in bundles:
        state.take(events, watermark_ms)
    return state


def without(rows: Sequence[dict], kinds: frozenset[str]) -> list[dict]:
    """Rows of anomalies that are not of some kinds."""
    return [row for row in rows if row.get("kind") not in kinds]
