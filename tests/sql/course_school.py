"""What do the models about courses and chapters read in a test, and what do they answer?"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from benchmarks.reference import range_courses, range_student_courses
from benchmarks.simulate import simulate
from pipelines.models.sql_models import load_models, run_sql, teach_googlesql
from schemas import arrow, tables
from tests.googlesql.agree import assert_both_engines_agree
from tests.googlesql.engine import Engine
from tests.in_memory import Plan, Rows, run
from tests.sql.course_records import CATALOGUES, NO_CATALOGUES, Catalogues, day
from transforms.catalogue import build_catalogue, build_questions
from transforms.describe_dimensions import describe_chapters, describe_questions

Tables = dict[str, Rows]
REFERENCES = {
    "chapter_engagement_summary": range_courses.chapter_engagement_summary,
    "chapter_difficulty": range_courses.chapter_difficulty,
    "chapter_analytics": range_courses.chapter_analytics,
    "student_course_metrics": range_student_courses.student_course_metrics,
    "course_comparison": range_student_courses.course_comparison,
    "course_dropoff": range_student_courses.course_dropoff,
}
DATES = {
    "events": "event_date",
    "sessions": "session_date",
    "chapter_visits": "visit_date",
    "video_views": "view_date",
    "question_attempts": "attempt_date",
}
"""What the models read besides dimensions, and the column that dates the rows."""
_DIMENSIONS = ("dim_chapters", "dim_questions")


def tables_of(
    records: Sequence[bytes], catalogues: Catalogues = CATALOGUES, zone: str = "UTC"
) -> Tables:
    """Rows by name of table: all that records give, and the dimensions."""
    catalogue, questions = catalogues
    plan = Plan({"reporting_timezone": zone}, catalogue, questions)
    found = run(records, plan).tables
    found["dim_chapters"] = describe_chapters(build_catalogue(catalogue)).to_dicts()
    found["dim_questions"] = describe_questions(build_questions(questions)).to_dicts()
    return found


@cache
def school(seed: int, students: int = 7, days: int = 24, zone: str = "UTC") -> Tables:
    """The tables of a simulated school."""
    simulated = simulate(seed=seed, students=students, days=days)
    return tables_of(simulated.records, (simulated.catalog, simulated.questions), zone)


def ask(
    given: Tables,
    as_of: datetime.date,
    engine: Engine | None = None,
    away_days: int = 7,
    pass_mark: float = 0.6,
) -> Tables:
    """The rows of every model as of a date: DuckDB's, and with `engine` both agree."""
    parameters = {"as_of_date": as_of, "away_days": away_days, "pass_mark": pass_mark}
    frames = {
        tables.get(name).full_name: frame_of(name, given.get(name, []))
        for name in (*DATES, *_DIMENSIONS)
    }
    if engine is None:
        return _in_duckdb(frames, parameters)
    return _answer(
        lambda sql: assert_both_engines_agree(engine, sql, frames, parameters), frames.__setitem__
    )


def _in_duckdb(frames: Mapping[str, pl.DataFrame], parameters: Mapping[str, Any]) -> Tables:
    """All models over one connection with one thread: there are few rows."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        teach_googlesql(connection)
        for layer in tables.LAYERS:
            connection.execute(f"CREATE SCHEMA {layer}")
        for name, frame in frames.items():
            _keep(connection, name, frame)
        return _answer(
            partial(run_sql, connection, parameters=parameters), partial(_keep, connection)
        )


def _keep(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    source = name.replace(".", "__")
    connection.register(source, frame.to_arrow())
    connection.execute(f"CREATE VIEW {name} AS FROM {source}")


def _answer(
    query: Callable[[str], pl.DataFrame], keep: Callable[[str, pl.DataFrame], object]
) -> Tables:
    """The rows of every model; later ones read the earlier ones' tables."""
    answers = {}
    for name, model in load_models().items():
        if name in REFERENCES:
            rows = query(model.sql)
            keep(model.table.full_name, _with_other_dates(rows))
            answers[name] = rows.to_dicts()
    return answers


def expect(given: Tables, as_of: datetime.date) -> Tables:
    """The rows of the reference."""
    history = range_courses.history_until(as_of, given)
    return {name: reference(history) for name, reference in REFERENCES.items()}


def until(given: Tables, as_of: datetime.date) -> Tables:
    """The tables without the rows of later dates."""
    return {
        name: [row for row in rows if name not in DATES or row[DATES[name]] <= as_of]
        for name, rows in given.items()
    }


def frame_of(name: str, rows: Rows) -> pl.DataFrame:
    """Rows as a frame with the columns that the table has in storage."""
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=arrow.schema(name)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _with_other_dates(rows: pl.DataFrame) -> pl.DataFrame:
    """A warehouse keeps the rows as of other dates: these must not be taken for today's."""
    others = [rows.with_columns(pl.col("as_of_date").dt.offset_by(by)) for by in ("-1d", "1d")]
    return pl.concat([rows, *others])


def asked(
    name: str, records: Sequence[bytes], on_day: int = 0, catalogues: Catalogues = NO_CATALOGUES,
    **options: Any,
) -> Rows:  # fmt: skip
    """The rows of one model for records of few events."""
    return ask(tables_of(records, catalogues), day(on_day), **options)[name]


def only(name: str, *records: bytes, on_day: int = 0, **options: Any) -> dict[str, Any]:
    """The only row of one model."""
    (row,) = asked(name, records, on_day, **options)
    return row


def by_chapter(rows: Rows, column: str) -> dict[str, Any]:
    """A column by chapter."""
    return {row["chapter_id"]: row[column] for row in rows}
