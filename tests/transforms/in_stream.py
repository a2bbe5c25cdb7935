"""What tables does a stream of events leave, without Beam? The pure steps, one after the other."""

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipelines.outputs.find_keys import stored_schema
from pipelines.outputs.follow_trends import ANOMALIES, CHAPTERS, trend_changes
from pipelines.outputs.keep_among import Among, keep_among
from schemas import tables
from tests.in_memory import PROCESSED_AT
from transforms.derive import DeriveOptions
from transforms.diff_rows import IS_DELETED, REVISION
from transforms.follow_days import add_traces, revise_days
from transforms.options import MetricOptions
from transforms.pack_events import pack_events, unpack_events
from transforms.pack_traces import StudentDay, Traces
from transforms.retain import Kept, Retention, retain
from transforms.revise import ChangedTraces, Revised, revise
from transforms.split_groups import split_groups
from transforms.sum_up import Frames
from transforms.total_changes import Sums, add_contributions, total_changes

Key = tuple[Any, ...]
_STAMPS = {"processed_at", "schema_version", "failed_at", "failed_date", "received_at"}


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

    def read(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
    ) -> pl.DataFrame:
        """Rows of some dates, as a warehouse gives them."""
        table = tables.get(name)
        rows = list(self.rows.get(name, {}).values())
        frame = pl.DataFrame(rows, stored_schema(table))
        if dates is not None:
            frame = frame.filter(pl.col(str(table.partition)).is_in(list(dates)))
        return keep_among(frame, among).select(columns or frame.columns)

    def follow_trends(self, dates: Collection[datetime.date]) -> None:
        """Look at the trends of dates again whose chapter-days have changed."""
        self.apply(ANOMALIES, trend_changes(self.read, dates, PROCESSED_AT))

    def tables(self) -> dict[str, list[dict]]:
        """All rows by table."""
        return {name: list(rows.values()) for name, rows in self.rows.items()}


@dataclass
class Stream:
    """The state of all stages of a stream, and the store that it writes."""

    options: DeriveOptions
    retention: Retention
    store: Store = field(default_factory=Store)
    kept: dict[str, Kept] = field(default_factory=dict)
    days: dict[StudentDay, Traces] = field(default_factory=dict)
    sums: dict[tuple, Sums] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, events: pl.DataFrame, watermark_ms: int) -> None:
        """One bundle: panes of several students, read at a watermark."""
        panes: dict[str, list[bytes]] = {}
        for student, _, packed in pack_events(events):
            panes.setdefault(student, []).append(packed)
        students = []
        for student, packed in panes.items():
            known, fresh = self.kept.get(student, Kept()), unpack_events(packed)
            changed, self.kept[student] = retain(
                student, known, fresh, watermark_ms, self.retention
            )
            students.append(changed)
        revised = revise(students, self.options, PROCESSED_AT)
        self.counts.update(revised.counts)
        self._show(revised)
        self._show(self._follow(revised.traces))

    def _follow(self, traces: Mapping[StudentDay, ChangedTraces]) -> Revised:
        days = {day: add_traces(self.days.get(day, {}), new) for day, new in traces.items()}
        self.days.update((day, changed.after) for day, changed in days.items())
        return revise_days(days, PROCESSED_AT) if days else Revised()

    def _show(self, revised: Revised) -> None:
        for table, frame in revised.changes.items():
            self.store.apply(table, frame)
        self._total(revised.contributions)

    def _total(self, contributions: Frames) -> None:
        for group, added in split_groups(contributions):
            expected = self.options.catalogue.expected
            changed = add_contributions(group[0], self.sums.get(group, Sums()), [added])
            changes = total_changes(group[0], [changed], expected, PROCESSED_AT)
            self.sums[group] = changed.after
            for table, frame in changes.items():
                self.store.apply(table, frame)
            if CHAPTERS in changes:
                self.store.follow_trends(set(changes[CHAPTERS]["date"]))


def stream(
    bundles: Iterable[tuple[pl.DataFrame, int]],
    options: DeriveOptions,
    allowed_lateness: datetime.timedelta,
) -> Stream:
    """Take bundles of (events, watermark) one after the other."""
    state = Stream(options, retention_of(options.metrics, allowed_lateness))
    for events, watermark_ms in bundles:
        state.take(events, watermark_ms)
    return state


def retention_of(metrics: MetricOptions, allowed_lateness: datetime.timedelta) -> Retention:
    """What is kept with some options."""
    return Retention(
        metrics.session_gap_ms,
        metrics.max_session_ms,
        round(allowed_lateness.total_seconds() * 1000),
        metrics.reporting_timezone,
    )


def _by_key(name: str, rows: Sequence[dict]) -> dict[tuple, dict]:
    key, columns = tables.get(name).key, [column.name for column in tables.get(name).columns]
    return {tuple(row[column] for column in key): _comparable(row, columns) for row in rows}


def _comparable(row: dict, columns: Sequence[str]) -> dict:
    return {c: row[c] for c in columns if c in row and c not in _STAMPS}


def differences(stored: dict[str, list[dict]], expected: dict[str, list[dict]]) -> list[str]:
    """What differs between the tables of a stream and those of batch, a line each."""
    found = []
    for name in expected.keys() | stored.keys():
        wanted = _by_key(name, expected.get(name, []))
        actual = _by_key(name, stored.get(name, []))
        found += [f"{name}: missing {key}" for key in wanted.keys() - actual.keys()]
        found += [f"{name}: not expected {key}" for key in actual.keys() - wanted.keys()]
        both = wanted.keys() & actual.keys()
        found += [
            f"{name}: {key}: {_other(wanted[key], actual[key])}"
            for key in both
            if wanted[key] != actual[key]
        ]
    return found


def _other(wanted: dict, actual: dict) -> dict[str, tuple]:
    return {c: (wanted[c], actual[c]) for c in wanted if wanted[c] != actual[c]}
