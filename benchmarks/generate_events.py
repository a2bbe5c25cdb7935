"""What does one large, realistic file of events look like, when a benchmark needs millions?

`python -m benchmarks.generate_events --events=1000000 --out=FILE` writes `raw_event` records as
JSON Lines, about 290 bytes each, in order of arrival; `--mixed` spells a quarter of them in each of
the four dialects. numpy draws the numbers for all events at once, polars writes the text.
"""

import argparse
import datetime
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.event_lines import MIXED, RAW_EVENT, encode_lines
from benchmarks.simulate.days import DAY_MS, HOUR_MS, HOURS, WEEKDAYS

START_DATE = datetime.date(2025, 9, 1)
EVENTS_PER_STUDENT, EVENTS_PER_SESSION, COURSES, CHAPTERS = 500, 12, 20, 12
DUPLICATES = 0.005
CHUNK = 500_000
# Kinds of activity and, by kind, what happens: the first of an activity, then the rest by weight.
READING, VIDEO, QUIZ = 0, 1, 2
KIND_WEIGHTS = (0.61, 0.20, 0.19)
FIRST = {READING: "page_view", VIDEO: "video_play", QUIZ: "quiz_start"}
REST = {
    READING: {
        "scroll": 34, "page_view": 24, "click": 24, "lesson_complete": 4, "chapter_view": 4,
        "content_interact": 3, "idle": 2, "forum_view": 2, "login": 2, "assignment_submit": 1,
        "course_enroll": 0.3, "course_complete": 0.1,
    },
    VIDEO: {
        "video_progress": 55, "video_pause": 17, "video_play": 13, "video_seek": 9,
        "video_complete": 6,
    },
    QUIZ: {"quiz_answer": 94, "quiz_submit": 6},
}  # fmt: skip
EVENT_TYPES = tuple(sorted({*FIRST.values()}.union(*REST.values())))


def draw_events(count: int, days: int, seed: int) -> pl.DataFrame:
    """`count` distinct events in no special order, as numbers: who, when, what, where."""
    rng = np.random.default_rng(seed)
    session, at_ms, student = _sessions(rng, count, days)
    activity, step, elapsed = _activities(rng, session, at_ms)
    kinds = rng.choice(3, activity[-1] + 1, p=KIND_WEIGHTS).astype(np.int8)
    kind = kinds[activity]
    course, chapter = _chapters(rng, student, activity)
    columns = {
        "at_ms": at_ms,
        "student": student,
        "type": _types(rng, kind, step),
        "course": course,
        "chapter": chapter,
        "device": _devices(rng, session, student),
        "dialect": rng.integers(0, 4, count, dtype=np.int8),
    }
    frame = pl.DataFrame(columns | _measures(rng, activity, elapsed, step))
    return frame.with_columns(event_id=_event_ids(rng, count))


def _sessions(rng: np.random.Generator, count: int, days: int) -> tuple[np.ndarray, ...]:
    """Session, time and student of each event; sessions of a student may overlap."""
    lengths = 1 + rng.negative_binomial(2, 2 / (EVENTS_PER_SESSION + 1), count // 4 + 16)
    sessions = int(np.searchsorted(np.cumsum(lengths), count)) + 1
    session = np.repeat(np.arange(sessions, dtype=np.int32), lengths[:sessions])[:count]
    begins = np.append(0, np.cumsum(lengths[: sessions - 1]))
    # Some students are far busier than others.
    students = max(1, count // EVENTS_PER_STUDENT)
    share = rng.gamma(2.0, 1.0, students)
    student_of = rng.choice(students, sessions, p=share / share.sum()).astype(np.int32)
    gaps = np.minimum(rng.lognormal(3.6, 1.1, count), 1_700.0) * 1000
    passed = np.cumsum(gaps.astype(np.int64))
    passed -= passed[begins][session]
    at_ms = _starts(rng, sessions, days)[session] + passed
    return session, at_ms, student_of[session]


def _starts(rng: np.random.Generator, sessions: int, days: int) -> np.ndarray:
    """Epoch milliseconds: fewer sessions at weekends and at night."""
    weekdays = np.resize(np.roll(WEEKDAYS, -START_DATE.weekday()), days)
    day = rng.choice(days, sessions, p=weekdays / weekdays.sum())
    hour = rng.choice(24, sessions, p=np.array(HOURS) / sum(HOURS))
    midnight = datetime.datetime.combine(START_DATE, datetime.time(), datetime.UTC)
    first_ms = int(midnight.timestamp()) * 1000
    return first_ms + day * DAY_MS + hour * HOUR_MS + rng.integers(0, HOUR_MS, sessions)


def _activities(
    rng: np.random.Generator, session: np.ndarray, at_ms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of events of one purpose: number of the run, step in it, seconds since it began."""
    is_first = np.append(True, session[1:] != session[:-1])
    is_first |= rng.random(len(session)) < 0.16
    activity = np.cumsum(is_first, dtype=np.int32) - 1
    begins = np.flatnonzero(is_first)
    step = np.arange(len(session)) - begins[activity]
    return activity, step, (at_ms - at_ms[begins][activity]) / 1000


def _chapters(
    rng: np.random.Generator, student: np.ndarray, activity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each student follows three courses; early chapters are seen more often."""
    chosen = rng.integers(0, COURSES, (student.max() + 1, 3), dtype=np.int8)
    which = rng.integers(0, 3, activity[-1] + 1)[activity]
    chapters = np.minimum(rng.geometric(0.16, activity[-1] + 1), CHAPTERS).astype(np.int8)
    return chosen[student, which], chapters[activity]


def _types(rng: np.random.Generator, kind: np.ndarray, step: np.ndarray) -> np.ndarray:
    result = np.empty(len(kind), dtype=np.int8)
    for number, weights in REST.items():
        rows = np.flatnonzero(kind == number)
        share = np.array(list(weights.values())) / sum(weights.values())
        codes = np.array([EVENT_TYPES.index(name) for name in weights], dtype=np.int8)
        drawn = codes[rng.choice(len(codes), len(rows), p=share)]
        # A quiz is rarely begun anew: mostly answers.
        is_start = (step[rows] == 0) & ((number != QUIZ) | (rng.random(len(rows)) < 0.5))
        result[rows] = np.where(is_start, EVENT_TYPES.index(FIRST[number]), drawn)
    return result


def _devices(rng: np.random.Generator, session: np.ndarray, student: np.ndarray) -> np.ndarray:
    """A usual device for each student, another one for some sessions."""
    usual = rng.integers(0, 6, student.max() + 1, dtype=np.int8)
    other = rng.integers(0, 6, session[-1] + 1, dtype=np.int8)
    is_other = rng.random(session[-1] + 1) < 0.2
    return np.where(is_other[session], other[session], usual[student])


def _measures(
    rng: np.random.Generator, activity: np.ndarray, elapsed: np.ndarray, step: np.ndarray
) -> dict[str, np.ndarray]:
    """What clients measure; most values occur once."""
    count, runs = len(activity), activity[-1] + 1
    rate = rng.choice((1.0, 1.0, 1.0, 1.25, 1.5, 2.0), runs)[activity]
    begun = np.where(rng.random(runs) < 0.7, 0.0, rng.uniform(0, 200, runs))[activity]
    depth = 100 * (1 - np.exp(-elapsed / 150)) * rng.uniform(0.5, 1.0, count)
    return {
        "playback_rate": rate,
        "position": np.round(begun + elapsed * rate, 3),
        "target": np.round(rng.uniform(0, 600, count), 3),
        "scroll_depth": np.round(np.where(step == 0, rng.uniform(0, 15, count), depth), 1),
        "time_spent": np.round(rng.gamma(2.0, 14.0, count), 3),
        "x": rng.integers(0, 1920, count, dtype=np.int16),
        "y": rng.integers(0, 1080, count, dtype=np.int16),
        "chance": rng.random(count),
        "question": rng.integers(1, 9, count, dtype=np.int8),
    }


def _event_ids(rng: np.random.Generator, count: int) -> pl.Series:
    """Random ids of 24 hexadecimal digits, made in one piece."""
    text = pa.py_buffer(rng.bytes(count * 12).hex().encode())
    offsets = pa.py_buffer(np.arange(0, 24 * (count + 1), 24, dtype=np.int64))
    return pl.Series(pa.LargeStringArray.from_buffers(count, offsets, text))


def arrival_order(events: pl.DataFrame, duplicates: int, seed: int) -> np.ndarray:
    """The rows in order of arrival: seconds late, one in a hundred minutes, some of them twice."""
    rng = np.random.default_rng(seed + 1)
    rows = np.append(np.arange(len(events)), rng.choice(len(events), duplicates, replace=False))
    delay = rng.exponential(2_000, len(rows))
    delay[rng.random(len(rows)) < 0.01] *= 300
    delay[len(events) :] += rng.exponential(60_000, duplicates)
    return rows[np.argsort(events["at_ms"].to_numpy()[rows] + delay, kind="stable")]


def write_events(path: Path, count: int, days: int, seed: int, *, is_mixed: bool) -> int:
    """Write `count` records, duplicates among them; the bytes written."""
    duplicates = round(count * DUPLICATES)
    events = draw_events(count - duplicates, days, seed)
    order = arrival_order(events, duplicates, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for begin in range(0, len(order), CHUNK):
            chunk = events[order[begin : begin + CHUNK]]
            lines = encode_lines(chunk, EVENT_TYPES, MIXED if is_mixed else RAW_EVENT)
            file.write("\n".join(lines).encode() + b"\n")
    return path.stat().st_size


def main(arguments: list[str] | None = None) -> int:
    """Write the file asked for and say how long it took."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generate_events", allow_abbrev=False
    )
    parser.add_argument("--events", type=int, required=True, help="records, duplicates included")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--days", type=int, default=14, help="days, from 2025-09-01 (14)")
    parser.add_argument("--seed", type=int, default=1, help="seed of chance (1)")
    parser.add_argument("--mixed", action="store_true", help="four dialects in equal parts")
    chosen = parser.parse_args(arguments)
    if chosen.events < 1 or chosen.days < 1:
        parser.error("--events and --days must be at least 1")
    begun = time.monotonic()
    size = write_events(chosen.out, chosen.events, chosen.days, chosen.seed, is_mixed=chosen.mixed)
    seconds = time.monotonic() - begun
    print(f"{chosen.events} events, {size / chosen.events:.0f} bytes each, in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
