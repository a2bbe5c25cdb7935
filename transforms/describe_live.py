"""What is the live store to be told about these events? Per student the newest facts, and counts.

An event counts at its `moment`, see `transforms.live_moment`. Everything told is such that the
store can merge it in any order, and twice: newest facts, intervals, entries of sets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import xxhash

from transforms.live_moment import MAX_FUTURE_MS, live_moment
from transforms.options import MetricOptions
from transforms.score_engagement import weight_tenths
from transforms.slices import firsts_of, lasts_of

FACTS = ("course_id", "chapter_id", "subject_id", "class_id", "device_type", "browser")
LATEST = 20
ENTRY_BYTES = 10
"""Of an event in a student's log: moment (6 bytes, big-endian ms), weight in tenths, hash (3)."""
MINUTE_MS, DAY_MS = 60_000, 86_400_000
LONGEST_TEXT, LONGEST_ID = 48, 40
SEPARATOR = "\x1f"
_SHOWN = (
    *("moment", "event_id", "student_hash", "occurred_ms"),
    *("event_type", "event_name", "course_id", "chapter_id", "class_id", "device_type"),
)
_ORDERED = 4
"""The latest events are in order of as many of these."""

Columns = dict[str, list[Any]]


class StudentUpdate(NamedTuple):
    """What is new about one student.

    `event` and `facts` (in the order of FACTS, empty when unknown) are texts of which the greater
    one counts: they begin with the moment. `entries`: ENTRY_BYTES per event; `cells`: its place in
    `LiveUpdate.cells`. `stretches`: start and end of activity without a gap, one after the other.
    `days`: days since the epoch in the reporting time zone.
    """

    student_hash: str
    last_ms: int
    event: str
    activity: str
    facts: list[str]
    entries: bytes
    cells: list[int]
    stretches: list[int]
    days: list[int]


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """What one flush tells. `cells`: minute since the epoch and `class SEPARATOR chapter`.

    `latest`: the newest events (moment, id, student, start, type, name, course, chapter,
    class, device).
    `received_ms`: the newest receipt; None where unknown.
    """

    event_count: int
    newest_ms: int
    watermark_ms: int | None
    received_ms: int | None
    cells: list[tuple[int, str]]
    students: list[StudentUpdate]
    latest: list[tuple[Any, ...]]


def describe_live(
    events: pl.DataFrame, options: MetricOptions, max_future_ms: int = MAX_FUTURE_MS
) -> LiveUpdate | None:
    """The update of canonical events (optionally with `watermark_ms`), in any order; None of none.

    Events may repeat. `max_future_ms`: of `live_moment`.
    """
    if not events.height:
        return None
    rows = _rows(events, options, max_future_ms)
    columns = {name: rows[name].to_list() for name in rows.columns}
    cells, cell_of_row = _cells(columns)
    watermarks = events["watermark_ms"] if "watermark_ms" in events.columns else pl.Series([None])
    return LiveUpdate(
        event_count=rows.height,
        newest_ms=max(columns["moment"]),
        watermark_ms=watermarks.max(),  # type: ignore[arg-type]
        received_ms=events["received_ms"].max(),  # type: ignore[arg-type]
        cells=cells,
        students=list(_students(columns, cell_of_row, _entries(rows, columns), options)),
        latest=_latest(columns),
    )


def _rows(events: pl.DataFrame, options: MetricOptions, max_future_ms: int) -> pl.DataFrame:
    """What is needed of the events, each student's in order of their moments. One query: cheap."""
    occurred = pl.col("occurred_ms")
    day = occurred // DAY_MS
    if options.reporting_timezone != "UTC":
        local = occurred.cast(pl.Datetime("ms", "UTC"))
        day = local.dt.convert_time_zone(options.reporting_timezone).dt.date().cast(pl.Int32)
    wanted = events.lazy().select(
        "student_hash",
        "event_id",
        "occurred_ms",
        "event_type",
        pl.col("event_name").str.slice(0, LONGEST_ID),
        *(pl.col(name).str.slice(0, LONGEST_TEXT) for name in FACTS),
        moment=live_moment(max_future_ms),
        day=day,
    )
    return wanted.sort("student_hash", "moment").collect()


def _cells(columns: Columns) -> tuple[list[tuple[int, str]], list[int]]:
    """The distinct minutes, classes and chapters, and which of them each row is in."""
    places: dict[tuple[int, str | None, str | None], int] = {}
    of_row = [
        places.setdefault((moment // MINUTE_MS, class_id, chapter_id), len(places))
        for moment, class_id, chapter_id in zip(
            columns["moment"], columns["class_id"], columns["chapter_id"]
        )
    ]
    cells = [(minute, f"{one or ''}{SEPARATOR}{two or ''}") for minute, one, two in places]
    return cells, of_row


def _students(
    columns: Columns, cell_of_row: list[int], entries: bytes, options: MetricOptions
) -> Iterator[StudentUpdate]:
    hashes, moments = columns["student_hash"], columns["moment"]
    starts, days = columns["occurred_ms"], columns["day"]
    facts = [columns[name] for name in FACTS]
    first = 0
    for student, group in groupby(hashes):
        end = first + len(list(group))
        yield StudentUpdate(
            student,
            moments[end - 1],
            *_newest_event(columns, first, end),
            [_newest_known(moments, values, first, end) for values in facts],
            entries[first * ENTRY_BYTES : end * ENTRY_BYTES],
            cell_of_row[first:end],
            _stretches(starts[first:end], moments[first:end], options.session_gap_ms),
            sorted(set(days[first:end])),
        )
        first = end


def _newest_event(columns: Columns, first: int, end: int) -> tuple[str, str]:
    """Of events at one moment the greater text, as in the store."""
    moment = columns["moment"][end - 1]
    row, best = end - 1, ("", "")
    while row >= first and columns["moment"][row] == moment:
        event = f"{moment:013d} {columns['event_id'][row][:LONGEST_ID]}"
        activity = f"{columns['event_type'][row]}{SEPARATOR}{columns['event_name'][row] or ''}"
        best = max(best, (event, activity))
        row -= 1
    return best


def _newest_known(moments: list[int], values: list[str | None], first: int, end: int) -> str:
    """Likewise of the values that are known; empty when none is."""
    best, newest = "", -1
    for row in range(end - 1, first - 1, -1):
        if moments[row] < newest:
            break
        value = values[row]
        if value is not None:
            newest = moments[row]
            best = max(best, f"{newest:013d} {value}")
    return best


def _stretches(starts: list[int], ends: list[int], gap_ms: int) -> list[int]:
    """Intervals of one student merged where at most a gap lies between them."""
    if ends[-1] - min(starts) <= gap_ms:
        return [min(starts), ends[-1]]
    order = np.argsort(starts, kind="stable")
    start, reach = np.array(starts)[order], np.maximum.accumulate(np.array(ends)[order])
    firsts = firsts_of(np.append(True, start[1:] - reach[:-1] > gap_ms))
    return np.stack([start[firsts], reach[lasts_of(firsts, len(start))]], 1).ravel().tolist()


def _entries(rows: pl.DataFrame, columns: Columns) -> bytes:
    entries = np.empty((rows.height, ENTRY_BYTES), np.uint8)
    entries[:, :6] = rows["moment"].to_numpy().astype(">i8").view(np.uint8).reshape(-1, 8)[:, 2:]
    entries[:, 6] = list(map(weight_tenths, columns["event_type"]))
    texts = map(str.encode, columns["event_id"])
    ids = map(xxhash.xxh3_64_intdigest, texts, columns["occurred_ms"])
    hashes = np.fromiter(ids, np.uint64, rows.height)
    entries[:, 7:] = hashes.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 5:]
    return entries.tobytes()


def _latest(columns: Columns) -> list[tuple[Any, ...]]:
    """The newest events, of copies one."""
    distinct = dict.fromkeys(zip(*(columns[name] for name in _SHOWN)))
    return nlargest(LATEST, distinct, itemgetter(*range(_ORDERED)))
