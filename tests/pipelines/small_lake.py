"""A small warehouse for tests: two weeks of two courses, as Delta tables with a completed run."""

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from schemas import arrow, tables

FIRST_DAY = datetime.date(2025, 11, 3)
DAYS = [FIRST_DAY + datetime.timedelta(days=n) for n in range(14)]
PROCESSED_AT = datetime.datetime(2025, 11, 20, 4, tzinfo=datetime.UTC)
STAMP = {"processed_at": PROCESSED_AT, "schema_version": 1}
ALGEBRA = "Algebra <I>"
CHAPTERS = {"algebra": ["c1", "c2", "c3"], "biology": ["b1", "b2"]}


def make(root: Path, names: Iterable[str] | None = None) -> dict[str, int]:
    """Create every table (or those named), empty; full name -> version."""
    for name in names or tables.tables():
        table = tables.get(name)
        DeltaTable.create(
            f"{root}/{table.path}",
            arrow.schema(name),
            partition_by=[table.partition] if table.partition else None,
        )
    return {tables.get(name).full_name: 0 for name in names or tables.tables()}


def append(root: Path, name: str, rows: list[dict[str, Any]]) -> int:
    """Append rows to a table (absent columns are null); its version after."""
    table = tables.get(name)
    data = pa.Table.from_pylist([STAMP | row for row in rows], schema=arrow.schema(name))
    write_deltalake(f"{root}/{table.path}", data, mode="append")
    return DeltaTable(f"{root}/{table.path}").version()


def complete_run(root: Path, versions: dict[str, int], run_id: str = "run-1", hour: int = 4) -> int:
    """Append the row of a completed run that leaves `versions`; `hour` orders the runs."""
    finished_at = PROCESSED_AT.replace(hour=hour, minute=30)
    row = {
        "run_id": run_id,
        "run_date": PROCESSED_AT.date(),
        "mode": "batch",
        "status": "completed",
        "started_at": PROCESSED_AT,
        "finished_at": finished_at,
        "code_version": "test",
        "table_versions": json.dumps(versions),
    }
    return append(root, "pipeline_runs", [row])


def school(root: Path) -> Path:
    """A warehouse with two weeks of gold and a few silver rows; the same at every call."""
    versions = make(root)
    rows = {
        "chapter_engagement": [_chapter_day(*at) for at in _chapter_days()],
        "chapter_visits": [r for at in _chapter_days() for r in _visits(*at)],
        "chapter_hourly_activity": [r for at in _chapter_days() for r in _hours(*at)],
        "platform_daily": [_platform_day(n) for n in range(14)],
        "student_daily_activity": [_student_day(n, s) for n in range(14) for s in range(20)],
        "question_attempts_summary": [_question_day(n, q) for n in range(14) for q in range(6)],
        "dim_chapters": _titles(),
        "dim_courses": [{"course_id": "algebra", "course_title": ALGEBRA, "chapters_count": 2}],
        "question_attempts": [_answer(n) for n in range(4)],
    }
    for name, table_rows in rows.items():
        versions[tables.get(name).full_name] = append(root, name, table_rows)
    complete_run(root, versions)
    return root


def _chapter_days() -> list[tuple[int, str, int, str]]:
    pairs = [
        (course, n, c) for course, chapters in CHAPTERS.items() for n, c in enumerate(chapters)
    ]
    often = [(day, course, n, chapter) for day in range(14) for course, n, chapter in pairs]
    # A chapter with two visits: too small a group to draw.
    return [*often, (0, "biology", 2, "rare")]


def _visit_times_ms(day: int, place: int) -> list[int]:
    count = 6 - 2 * place + day % 3
    return sorted(60_000 * (3 + 2 * place + (7 * visit * (day + 1)) % 23) for visit in range(count))


def _chapter_day(day: int, course: str, place: int, chapter: str) -> dict[str, Any]:
    times = _visit_times_ms(day, place)
    seconds = sum(times) / 1000
    dropped = len(times) * (place + 1) // 5
    return {
        "date": DAYS[day],
        "course_id": course,
        "chapter_id": chapter,
        "total_time_spent_seconds": seconds,
        "average_time_per_visit_seconds": seconds / len(times),
        "median_time_per_visit_seconds": times[len(times) // 2] / 1000,
        "p25_time_per_visit_seconds": times[0] / 1000,
        "p75_time_per_visit_seconds": times[-1] / 1000,
        "p90_time_per_visit_seconds": times[-1] / 1000,
        "median_active_seconds": times[0] / 1000,
        "unique_students": len(times),
        "visits_count": len(times),
        "average_scroll_depth": 70.0,
        "drop_off_rate": dropped / len(times),
        "completion_rate": 0.5,
        "drop_off_known_count": len(times),
        "drop_off_count": dropped,
        "completion_known_count": len(times),
        "completed_count": len(times) // 2,
        "scroll_known_count": len(times),
        "time_distribution": [{"time_ms": t, "visits_count": 1} for t in times],
    }


def _visits(day: int, course: str, place: int, chapter: str) -> list[dict[str, Any]]:
    """The visits that `_chapter_day` sums up."""
    return [
        {
            "visit_id": f"{day} {chapter} {n}",
            "student_hash": f"s{n}",
            "course_id": course,
            "chapter_id": chapter,
            "time_spent_seconds": time / 1000,
            "is_skim": n == 0 and day < 2,
            "is_idle": False,
            "visit_date": DAYS[day],
        }
        for n, time in enumerate(_visit_times_ms(day, place))
    ]


def _hours(day: int, course: str, place: int, chapter: str) -> list[dict[str, Any]]:
    return [
        {
            "date": DAYS[day],
            "hour": hour,
            "course_id": course,
            "chapter_id": chapter,
            "class_id": "7",
            "time_spent_seconds": 600.0 * (place + 1) + 60 * hour,
            "visits_count": 2,
            "active_students": 2,
        }
        for hour in (9, 14, 19)
    ]


def _platform_day(day: int) -> dict[str, Any]:
    students = 12 + day % 5
    return {
        "date": DAYS[day],
        "active_students": students,
        "events_count": students * 20,
        "sessions_count": students * 2,
        "total_time_spent_seconds": students * 1800.0,
        "enrolments_count": 1,
        "completions_count": 0,
    }


def _student_day(day: int, student: int) -> dict[str, Any]:
    return {"date": DAYS[day], "student_hash": f"s{student}", "total_sessions": 2}


def _question_day(day: int, question: int) -> dict[str, Any]:
    return {
        "date": DAYS[day],
        "quiz_id": "quiz-1",
        "question_id": f"q{question}",
        "attempts_count": 5,
        "known_count": 5,
        "correct_count": question % 5,
        "average_time_spent_seconds": 20.0,
        "timed_count": 5,
        "difficulty_estimate": (6 - question % 5) / 7,
    }


def _titles() -> list[dict[str, Any]]:
    return [
        {
            "course_id": "algebra",
            "chapter_id": f"c{n}",
            "course_title": ALGEBRA,
            "chapter_title": f"Chapter {n}: sets & <b>sums</b>",
            "chapter_order": n,
        }
        for n in (1, 2)
    ]


def _answer(n: int) -> dict[str, Any]:
    return {
        "event_id": f"e{9 - n}",
        "student_hash": "s1" if n < 3 else "s2",
        "session_id": "x",
        "quiz_id": "quiz-1" if n else None,
        "question_id": "q1",
        "attempted_at": PROCESSED_AT.replace(day=10, hour=n // 2),
        "is_correct": n % 2 == 0,
        "attempt_date": DAYS[7],
    }
