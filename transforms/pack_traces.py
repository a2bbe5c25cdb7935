"""How do the traces of a student's day travel and rest in state? As a row for each."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from transforms.sum_up import Frames
from transforms.trace_days import TRACES

StudentDay = tuple[str, datetime.date]
"""student_hash and date."""
Key = tuple[Any, ...]
"""Number of the kind (in TRACES), then the values of its keys."""
Sums = tuple[int, ...]
Traces = Mapping[Key, Sums]
"""What a student left on a date."""

_NAMES = tuple(TRACES)


def list_traces(traces: Frames) -> Iterator[tuple[StudentDay, Key, Sums]]:
    """Each row of frames of TRACES."""
    for kind, name in enumerate(_NAMES):
        for date, student, *values in traces[name].select(*TRACES[name].schema).iter_rows():
            yield (student, date), *split_row((kind, *values))


def frame_traces(days: Iterable[tuple[StudentDay, Traces]]) -> Frames:
    """Frames of TRACES of many days: the inverse of `list_traces`."""
    rows: dict[int, list[tuple]] = defaultdict(list)
    for (student, date), traces in days:
        for (kind, *key), sums in traces.items():
            rows[kind].append((date, student, *key, *sums))
    return {
        name: pl.DataFrame(rows[kind], schema=TRACES[name].schema, orient="row")
        for kind, name in enumerate(_NAMES)
    }


def join_row(key: Key, sums: Sums) -> tuple[Any, ...]:
    """A trace as one flat row."""
    return (*key, *sums)


def split_row(row: tuple[Any, ...]) -> tuple[Key, Sums]:
    """The trace that `join_row` was given."""
    keys = 1 + len(TRACES[_NAMES[row[0]]].keys)
    return row[:keys], row[keys:]


def name_of(day: StudentDay) -> str:
    """A student's day as a key of state: `student_hash|date`."""
    student, date = day
    return f"{student}|{date}"


def day_of(name: str) -> StudentDay:
    """The day that `name_of` was given."""
    student, _, date = name.rpartition("|")
    return student, datetime.date.fromisoformat(date)
