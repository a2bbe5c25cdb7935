"""What does the live store know of students, and how engaged are they at a moment?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import msgspec
import numpy as np
import polars as pl

from pipelines.live.keys import LiveKeys
from transforms.describe_live import ENTRY_BYTES, FACTS, SEPARATOR
from transforms.score_engagement import INTENSITY_MS, score_engagement

STUDENTS_AT_ONCE = 500
"""Read by one call: the store serves nobody else meanwhile (3 ms)."""
_DAYS, _SESSIONS = 8, 9
_IN_SESSION = ("course_id", "chapter_id", "subject_id")
_MOMENT_DIGITS, _TIME_BYTES = 13, 6
_decode = msgspec.msgpack.Decoder(list).decode


@dataclass(frozen=True)
class Students:
    """Students by row, with their events of the last minutes and their sessions.

    `rows`: student_hash, last_ms, event_type, event_name, course_id, chapter_id and subject_id of
    the current session, class_id, device_type, browser, session_start_ms, streak_days.
    `event_*` and `session_*` are parallel arrays; `*_row` is a row of `rows`.
    """

    rows: pl.DataFrame
    event_row: np.ndarray
    event_ms: np.ndarray
    event_tenths: np.ndarray
    session_row: np.ndarray
    session_start: np.ndarray
    session_end: np.ndarray


def read_students(redis: Any, hashes: Sequence[bytes | str], keys: LiveKeys) -> Students:
    """What is known of the students that the store knows. RedisError."""
    asked = [name.decode() if isinstance(name, bytes) else name for name in hashes]
    found: list[tuple[str, bytes | None, bytes | None]] = []
    for at in range(0, len(asked), STUDENTS_AT_ONCE):
        names = asked[at : at + STUDENTS_AT_ONCE]
        batch = redis.pipeline(transaction=False)
        batch.mget([keys.student(name) for name in names])
        batch.mget([keys.recent(name) for name in names])
        found += zip(names, *batch.execute())
    known = [(name, _decode(state), log) for name, state, log in found if state is not None]
    states = [state for _, state, _ in known]
    return _students([name for name, _, _ in known], states, [log for _, _, log in known])


def engagement_at(students: Students, at_ms: int, until_ms: int | None = None) -> pl.DataFrame:
    """By row: `last_ms` (null without an event in the log by then) and `score` 0-100 at `at_ms`.

    Events after `until_ms` are left out; None: none are, those ahead of the clock are just now.
    """
    counts = np.ones(len(students.event_ms), bool)
    if until_ms is not None:
        counts = students.event_ms <= until_ms
    rows, moments = students.event_row[counts], students.event_ms[counts]
    size = students.rows.height
    last = np.zeros(size, np.int64)
    np.maximum.at(last, rows, moments)
    is_near = moments >= at_ms - INTENSITY_MS
    tenths = np.bincount(rows[is_near], students.event_tenths[counts][is_near], size)
    start = np.zeros(size, np.int64)
    began = students.session_start <= last[students.session_row]
    np.maximum.at(start, students.session_row[began], students.session_start[began])
    streaks = students.rows["streak_days"].to_numpy()
    score = score_engagement(at_ms - last, tenths / 10, last - start, streaks)
    frame = pl.DataFrame({"last_ms": last, "score": score})
    return frame.with_columns(pl.when(pl.col("last_ms") > 0).then(pl.all()))


def _students(names: list[str], states: list[list[Any]], logs: list[bytes | None]) -> Students:
    activity = [state[1].split(SEPARATOR) for state in states]
    sessions = [state[_SESSIONS:] for state in states]
    session_row = np.repeat(np.arange(len(states)), [len(times) // 2 for times in sessions])
    times = np.fromiter(chain.from_iterable(sessions), np.int64).reshape(-1, 2)
    current = [state[_SESSIONS] for state in states]
    rows = {
        "student_hash": pl.Series(names, dtype=pl.String),
        "last_ms": pl.Series([int(s[0][:_MOMENT_DIGITS]) for s in states], dtype=pl.Int64),
        "event_type": pl.Series([kind for kind, _ in activity], dtype=pl.String),
        "event_name": pl.Series([name for _, name in activity], dtype=pl.String),
        "session_start_ms": pl.Series(current, dtype=pl.Int64),
        "streak_days": pl.Series([_streak(state[_DAYS]) for state in states], dtype=pl.Int64),
    }
    for place, name in enumerate(FACTS):
        since = current if name in _IN_SESSION else repeat(0)
        facts = [_fact(state[2 + place], since_ms) for state, since_ms in zip(states, since)]
        rows[name] = pl.Series(facts, dtype=pl.String)
    event_row, entries = _records(logs)
    moments, tenths = _big_endian(entries[:, :_TIME_BYTES]), entries[:, _TIME_BYTES].astype(int)
    return Students(
        pl.DataFrame(rows), event_row, moments, tenths, session_row, times[:, 0], times[:, 1]
    )


def _records(logs: list[bytes | None]) -> tuple[np.ndarray, np.ndarray]:
    """The entries of all logs, and the number of the log that each is of."""
    known = [log or b"" for log in logs]
    owner = np.repeat(np.arange(len(known)), [len(log) // ENTRY_BYTES for log in known])
    return owner, np.frombuffer(b"".join(known), np.uint8).reshape(-1, ENTRY_BYTES)


def _big_endian(digits: np.ndarray) -> np.ndarray:
    return digits.astype(np.int64) @ (256 ** np.arange(_TIME_BYTES - 1, -1, -1, dtype=np.int64))


def _fact(text: str, since_ms: int) -> str | None:
    """The value of a fact that was known at or after `since_ms`."""
    if not text or int(text[:_MOMENT_DIGITS]) < since_ms:
        return None
    return text[_MOMENT_DIGITS + 1 :]


def _streak(days: int) -> int:
    """Consecutive days up to the newest: the trailing ones of the mask."""
    mask, count = days % 256, 0
    while mask & 1:
        mask, count = mask >> 1, count + 1
    return count
