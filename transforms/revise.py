"""What do new events change? Sessions are derived as they were and as they are, and compared.

What was emitted of them before is a pure function of the events kept, so nothing but events has to
be remembered. Windows only decide when this happens, never what comes out.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import sub

import msgspec
import polars as pl

from transforms.derive import Derived, DeriveOptions, derive
from transforms.diff_rows import REVISION, diff_rows
from transforms.pack_events import Row, frame_of
from transforms.pack_traces import Key, StudentDay, Sums, join_row, list_traces
from transforms.present import present
from transforms.retain import StudentEvents
from transforms.sum_up import Computed, Frames, subtract, sum_up

_FOREVER = datetime.date.max


class ChangedTraces(msgspec.Struct, array_like=True, frozen=True):
    """What new events change of the traces of a student's day: rows (`join_row`) of signed sums."""

    revision: int
    rows: list[tuple]


@dataclass
class Revised:
    """Changed rows by table (with `is_deleted` and `revision`), signed contributions and counts.

    `traces`: of the students' days where they change.
    """

    changes: Frames = field(default_factory=dict)
    contributions: Frames = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    traces: dict[StudentDay, ChangedTraces] = field(default_factory=dict)


def revise(
    students: Sequence[StudentEvents], options: DeriveOptions, processed_at: datetime.datetime
) -> Revised:
    """What the new events of several students (each once) change."""
    revised = Revised()
    for owned_from in sorted({student.owned_from for student in students}):
        group = [student for student in students if student.owned_from == owned_from]
        _add(revised, _revise(group, options, owned_from, processed_at))
    return revised


def _add(whole: Revised, part: Revised) -> None:
    for name, frame in part.changes.items():
        known = whole.changes.get(name)
        whole.changes[name] = frame if known is None else pl.concat([known, frame])
    for name, frame in part.contributions.items():
        known = whole.contributions.get(name)
        whole.contributions[name] = frame if known is None else sum_up(name, [known, frame])
    for name, count in part.counts.items():
        whole.counts[name] += count
    whole.traces |= part.traces


def _revise(
    students: Sequence[StudentEvents],
    options: DeriveOptions,
    owned_from: datetime.date,
    processed_at: datetime.datetime,
) -> Revised:
    options = replace(options, dates=(owned_from, _FOREVER))
    after = _derive(((s.student_hash, s.after) for s in students), options)
    before = _derive(((s.student_hash, s.before) for s in students), options)
    if after is None:
        return Revised()
    revisions = {student.student_hash: student.revision for student in students}
    stamps = pl.DataFrame(
        {
            "student_hash": list(revisions),
            REVISION: pl.Series(list(revisions.values()), dtype=pl.Int64),
        }
    )
    revised = compare(before, after, stamps, processed_at)
    revised.counts.update(after.counts)
    revised.counts.subtract(before.counts if before else {})
    for day, rows in _changed_traces(before, after).items():
        revised.traces[day] = ChangedTraces(revisions[day[0]], rows)
    return revised


def _derive(
    students: Iterable[tuple[str, Sequence[Row]]], options: DeriveOptions
) -> Derived | None:
    events = frame_of(students)
    return None if events.is_empty() else derive(events, options)


def _changed_traces(before: Derived | None, after: Derived) -> dict[StudentDay, list[tuple]]:
    """Signed traces of the days on which they change."""
    changed: dict[StudentDay, dict[Key, Sums]] = defaultdict(dict)
    for day, key, sums in list_traces(after.traces):
        changed[day][key] = sums
    for day, key, sums in list_traces(before.traces) if before else ():
        left = tuple(map(sub, changed[day].get(key, (0,) * len(sums)), sums))
        if any(left):
            changed[day][key] = left
        else:
            del changed[day][key]
    rows = {day: [join_row(*trace) for trace in traces.items()] for day, traces in changed.items()}
    return {day: of_day for day, of_day in rows.items() if of_day}


def compare(
    before: Computed | None,
    after: Computed,
    revisions: pl.DataFrame,
    processed_at: datetime.datetime,
) -> Revised:
    """What differs between rows and contributions; `revisions`: of students, or of their days."""
    keys = [column for column in revisions.columns if column != REVISION]
    revised = Revised()
    for table, frame in after.rows.items():
        new = present(table, frame, processed_at)
        old = present(table, before.rows[table], processed_at) if before else new.clear()
        changed = diff_rows(table, old, new)
        if not changed.is_empty():
            revised.changes[table] = changed.join(revisions, keys, "left", maintain_order="left")
    for name, frame in after.contributions.items():
        added = subtract(name, frame, before.contributions[name]) if before else frame
        if not added.is_empty():
            revised.contributions[name] = added
    return revised
