"""What do the models about students read in a test? Records of few students, and how to ask."""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa

from benchmarks.reference import range_groups, range_students
from pipelines.models.sql_models import load_models
from schemas import arrow, tables
from tests.compare_rows import student_hash
from tests.googlesql.agree import assert_both_engines_agree, in_duckdb
from tests.googlesql.engine import Engine
from tests.in_memory import Plan, Rows, run
from transforms.catalogue import build_questions
from transforms.describe_dimensions import describe_questions

Tables = dict[str, Rows]
FIRST_DAY = datetime.date(2025, 9, 1)
"""Day 0 of all records, a Monday."""
AS_OF_DAY = 60
PARAMETERS: dict[str, Any] = {"away_days": 7, "pass_mark": 0.6}
QUESTIONS: tuple[Mapping[str, Any], ...] = (
    {"quiz_id": "q1", "question_id": "1", "skill_id": "sums"},
    {"quiz_id": "q1", "question_id": "2", "skill_id": "roots"},
    {"quiz_id": "q1", "question_id": "3", "skill_id": None},
    {"quiz_id": None, "question_id": "1", "skill_id": "sums"},
    {"quiz_id": "q2", "question_id": None, "skill_id": "roots"},
)
REFERENCES = {
    "student_features": range_students.student_features,
    "student_profiles": range_students.student_profiles,
    "cohort_retention": range_groups.cohort_retention,
    "assignment_status": range_groups.assignment_status,
    "skill_mastery": range_groups.skill_mastery,
}
_READ = (
    "events", "sessions", "question_attempts", "video_views", "at_risk_scores", "dim_questions",
)  # fmt: skip
_LONG_TEXTS = ("metadata", "page", "event_name", "client_session_id", "os", "browser")
"""Columns that no model reads: a request to the reference engine holds 4 MB at most."""
_FEATURES = "student_features"
_COURSES, _QUIZZES, _NUMBERS = ("k1", "k2", None), ("q1", "q1", "q2", None), ("1", "2", "3", None)
_KINDS = (
    "course_enroll", "course_unenroll", "course_complete", "assignment_start", "assignment_submit",
    "quiz_answer", "quiz_answer", "quiz_answer", "video_play", "video_play", "page_view", "login",
)  # fmt: skip


def day(number: int) -> datetime.date:
    """The date of a day."""
    return FIRST_DAY + datetime.timedelta(days=number)


def record(student: str, on_day: float, kind: str, **told: Any) -> bytes:
    """An event; half a day is noon. What is told goes to the record and to its metadata."""
    midnight = datetime.datetime.combine(FIRST_DAY, datetime.time(), datetime.UTC)
    at = midnight + datetime.timedelta(days=on_day)
    ids = {name: value for name, value in told.items() if name.endswith("_id")}
    event = {"student_id": student, "timestamp": at.isoformat(), "event_type": kind, **ids}
    return json.dumps(
        {**event, "metadata": {k: v for k, v in told.items() if k not in ids}}
    ).encode()


def sessions(student: str, days: Iterable[float], minutes: float = 10) -> list[bytes]:
    """A session of so many minutes at each of the times."""
    ends = (0, minutes / 1440)
    return [record(student, at + end, "page_view") for at in days for end in ends]


def answers(*results: bool | None, on_day: float = AS_OF_DAY + 0.5, **ids: str) -> list[bytes]:
    """An answer of s1 per result, a minute apart; None: it is not known whether it is right."""
    where = {"quiz_id": "q1", "question_id": "1", **ids}
    return [
        record(
            "s1",
            on_day + n / 1440,
            "quiz_answer",
            event_id=f"a{on_day}{n}",
            **_told(right),
            **where,
        )
        for n, right in enumerate(results)
    ]


def _told(right: bool | None) -> dict:
    return {} if right is None else {"correct": right}


def tables_of(
    records: Sequence[bytes],
    questions: Sequence[Mapping[str, Any]] = QUESTIONS,
    zone: str = "UTC",
) -> Tables:
    """Rows of silver, and of the questions' dimension, by name of table."""
    found = run(records, Plan({"reporting_timezone": zone}, questions=questions)).tables
    dimension = describe_questions(build_questions(questions)).to_dicts()
    return {name: found.get(name, []) for name in _READ} | {"dim_questions": dimension}


def score(student: str, on_day: int, value: float, course: str | None = None) -> dict[str, Any]:
    """A row of gold.at_risk_scores."""
    who = {"student_hash": student_hash(student), "course_id": course}
    return {"as_of_date": day(on_day), **who, "score": value, "segment": "low"}


def ask(name: str, given: Tables, on_day: int = AS_OF_DAY, engine: Engine | None = None) -> Rows:
    """The rows that a model makes of tables as of a day: DuckDB's, and with `engine` both agree."""
    parameters = {**PARAMETERS, "as_of_date": day(on_day)}
    frames = {tables.get(read).full_name: _frame(read, given.get(read, [])) for read in _READ}
    models = load_models()
    if name == "student_profiles":
        features = in_duckdb(models[_FEATURES].sql, frames, parameters)
        frames[f"gold.{_FEATURES}"] = _with_other_dates(features)
    if engine is None:
        return in_duckdb(models[name].sql, frames, parameters).to_dicts()
    return assert_both_engines_agree(engine, models[name].sql, frames, parameters).to_dicts()


def of(student: str, rows: Rows) -> dict[str, Any]:
    """The one row of a student."""
    (row,) = (row for row in rows if row["student_hash"] == student_hash(student))
    return row


def lively(chance: Random) -> Iterator[bytes]:
    """Up to four students over three months: what they do, on which of their usual weekdays."""
    for student in range(chance.randrange(1, 5)):
        usual = chance.sample(range(7), chance.randrange(1, 5))
        starts = [7 * week + weekday for week in range(13) for weekday in usual]
        for start in chance.sample(starts, chance.randrange(1, len(starts))):
            at = start + chance.choice((0, 0.25, 0.5, chance.random()))
            for _ in range(chance.randrange(1, 5)):
                yield from _action(chance, f"s{student}", at)
                at += chance.choice((0, 0.001, 0.01, 0.2))


def _action(chance: Random, student: str, at: float) -> Iterator[bytes]:
    kind = chance.choice(_KINDS)
    told: dict[str, Any] = {"course_id": chance.choice(_COURSES)}
    if kind.startswith("assignment_"):
        told["assignment_id"] = chance.choice(("a1", "a2", None))
    if kind == "quiz_answer":
        told |= {"quiz_id": chance.choice(_QUIZZES), "question_id": chance.choice(_NUMBERS)}
        told |= {
            "correct": chance.choice((True, False, None)),
            "score": chance.choice((None, 0.2, 1)),
        }
    if kind == "video_play":
        told |= {"video_id": "v1", "video_duration": chance.choice((60, None)), "current_time": 0}
        yield record(student, at + 30 / 86400, "video_pause", **{**told, "current_time": 25})
    yield record(student, at, kind, **{k: v for k, v in told.items() if v is not None})


def _frame(name: str, rows: Rows) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=arrow.schema(name)))
    assert isinstance(frame, pl.DataFrame)
    return frame.drop(_LONG_TEXTS, strict=False)


def _with_other_dates(features: pl.DataFrame) -> pl.DataFrame:
    """A warehouse keeps features of other dates too: these must not be taken for today's."""
    others = [
        features.with_columns(
            pl.col("as_of_date").dt.offset_by(days),
            engagement_trend=pl.lit(-1.0),
            quiz_accuracy_30d=pl.lit(0.0),
        )
        for days in ("-1d", "1d")
    ]
    return pl.concat([features, *others])
