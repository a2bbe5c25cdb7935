"""What do new events change? Students are derived as they were and as they are, and compared.

What was emitted before is a pure function of the events kept, so nothing but events has to be
remembered. Windows only decide when this happens, never what comes out.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from transforms.derive import Derived, DeriveOptions, derive
from transforms.diff_rows import REVISION, diff_rows
from transforms.pack_events import Row, frame_of
from transforms.present import present
from transforms.retain import StudentEvents
from transforms.sum_up import Frames, subtract, sum_up

_FOREVER = datetime.date.max


@dataclass
class Revised:
    """Changed rows by table (with `is_deleted` and `revision`), signed contributions and counts."""

    changes: Frames = field(default_factory=dict)
    contributions: Frames = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def revise(
    students: Sequence[StudentEvents], options: DeriveOptions, processed_at: datetime.datetime
) -> Revised:
    """What the new events of several students change."""
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
    counts = Counter(after.counts)
    counts.subtract(before.counts if before else {})
    changes = _changes(students, before, after, processed_at)
    contributions = after.contributions
    if before is not None:
        contributions = {
            name: subtract(name, frame, before.contributions[name])
            for name, frame in contributions.items()
        }
    kept = {name: frame for name, frame in contributions.items() if not frame.is_empty()}
    return Revised(changes, kept, counts)


def _derive(
    students: Iterable[tuple[str, Sequence[Row]]], options: DeriveOptions
) -> Derived | None:
    events = frame_of(students)
    return None if events.is_empty() else derive(events, options)


def _changes(
    students: Sequence[StudentEvents],
    before: Derived | None,
    after: Derived,
    processed_at: datetime.datetime,
) -> Frames:
    revisions = pl.DataFrame(
        {
            "student_hash": [student.student_hash for student in students],
            REVISION: pl.Series([student.revision for student in students], dtype=pl.Int64),
        }
    )
    changes = {}
    for table, frame in after.rows.items():
        new = present(table, frame, processed_at)
        old = present(table, before.rows[table], processed_at) if before else new.clear()
        changed = diff_rows(table, old, new)
        if not changed.is_empty():
            changes[table] = changed.join(revisions, "student_hash", maintain_order="left")
    return changes
