"""Do DuckDB with our macros and GoogleSQL mean the same, and would we see it if they did not?"""

import datetime
import re
from itertools import product

import polars as pl
import pytest

from pipelines.models.sql_models import SQL
from schemas import arrow
from tests.googlesql.agree import assert_both_engines_agree, assert_same_rows
from tests.googlesql.engine import Engine

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROS = (
    -1,
    -999,
    -1000,
    -1001,
    -1_500,
    -86_400_000_001,
    0,
    499,
    500,
    999,
    1_500,
    253_402_300_799_999_999,
)
DAYS = (-719_162, -5, -4, -1, 0, 1, 20_000, 2_932_896)
NUMBERS = (None, 0, 1, -3, 7, 2**53 + 1)
DOUBLES = (None, 0.0, -0.0, 0.1, -3.0, 1e-300, 1e300)
DOCUMENTS = (
    None, "{}", '{"a": null}', '{"a": 1}', '{"a": 1.5}', '{"a": true}', '{"a": "x \\"é\\" \\\\"}',
    '{"a": ""}', '{"a": {"b": 1}}', '{"a": [1]}', '{"b": {"a": "no"}}',
)  # fmt: skip
FRAMES = {
    "silver.times": pl.DataFrame(
        {"t": [None, *(EPOCH + datetime.timedelta(microseconds=n) for n in MICROS)]}
    ),
    "silver.dates": pl.DataFrame(
        {"d": [None, *(EPOCH.date() + datetime.timedelta(days=n) for n in DAYS)]}
    ),
    "silver.integers": pl.DataFrame(list(product(NUMBERS, NUMBERS)), ["a", "b"], orient="row"),
    "silver.doubles": pl.DataFrame(list(product(DOUBLES, DOUBLES)), ["a", "b"], orient="row"),
    "silver.flags": pl.DataFrame(
        [*product("abc", (True, None)), *product("bcd", (False, None)), ("e", None)],
        ["k", "is_so"],
        orient="row",
    ),
    "silver.documents": pl.DataFrame({"doc": DOCUMENTS}),
}
MACROS = {
    "safe_divide": [
        "SELECT a, b, SAFE_DIVIDE(a, b) AS x FROM silver.integers",
        "SELECT a, b, SAFE_DIVIDE(a, b) AS x FROM silver.doubles WHERE ABS(b) <> 1e-300",
    ],
    "unix_date": [
        "SELECT d, UNIX_DATE(d) AS n, MOD(UNIX_DATE(d) + 3, 7) + 1 AS x FROM silver.dates",
    ],
    "date_from_unix_date": [
        "SELECT d, DATE_FROM_UNIX_DATE(UNIX_DATE(d)) AS same FROM silver.dates",
        "SELECT DATE_FROM_UNIX_DATE(UNIX_DATE(@d) - 7) AS before",
    ],
    "unix_millis": ["SELECT t, UNIX_MILLIS(t) AS n FROM silver.times"],
    "unix_micros": ["SELECT t, UNIX_MICROS(t) AS n FROM silver.times"],
    "logical_or": [
        "SELECT k, LOGICAL_OR(is_so) AS x FROM silver.flags GROUP BY k",
        "SELECT LOGICAL_OR(is_so) AS x FROM silver.flags WHERE k = 'no row'",
    ],
    "logical_and": [
        "SELECT k, LOGICAL_AND(is_so) AS x FROM silver.flags GROUP BY k",
        "SELECT LOGICAL_AND(is_so) AS x FROM silver.flags WHERE k = 'no row'",
    ],
    "json_value": ["SELECT doc, JSON_VALUE(doc, '$.a') AS x FROM silver.documents"],
    "countif": [
        "SELECT k, COUNTIF(is_so) AS x FROM silver.flags GROUP BY k",
        "SELECT COUNTIF(is_so) AS x FROM silver.flags WHERE k = 'no row'",
        "SELECT k, COUNTIF(is_so) OVER (PARTITION BY k) AS x FROM silver.flags",
    ],
    "float64": [
        "SELECT CAST(a AS FLOAT64) AS x, CAST('-1.5e3' AS FLOAT64) AS y FROM silver.integers",
    ],
    "default_null_order": [
        "SELECT a FROM silver.integers ORDER BY a LIMIT 10",
        "SELECT a FROM silver.integers ORDER BY a DESC LIMIT 31",
        "SELECT a, b, ROW_NUMBER() OVER (ORDER BY a, b DESC) AS n FROM silver.integers",
    ],
}  # fmt: skip
"""What `duckdb_macros.sql` defines -> queries that show what it means."""


def _defined() -> set[str]:
    text = (SQL / "duckdb_macros.sql").read_text("utf-8")
    return set(re.findall(r"^(?:CREATE (?:OR REPLACE )?(?:MACRO|TYPE)|SET) (\w+)", text, re.M))


def test_every_macro_is_compared() -> None:
    assert set(MACROS) == _defined()


@pytest.mark.parametrize(
    ("name", "sql"), [(n, sql) for n, texts in MACROS.items() for sql in texts]
)
def test_a_macro_means_the_same_in_both_engines(name: str, sql: str, googlesql: Engine) -> None:
    assert name == "default_null_order" or name in sql.lower()
    parameters = {"d": datetime.date(1970, 1, 3)}
    assert len(assert_both_engines_agree(googlesql, sql, FRAMES, parameters)) > 0


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT CONCAT(k, CAST(is_so AS STRING)) AS x FROM silver.flags", "rows only in DuckDB"),
        ("SELECT CAST(0.5e0 AS INT64) AS x", "1 rows only in DuckDB, 1 only in GoogleSQL"),
        ("SELECT SIGN(a) AS x FROM silver.doubles", "DuckDB's columns, then GoogleSQL's"),
    ],
)
def test_a_difference_between_the_engines_is_seen(sql: str, words: str, googlesql: Engine) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_both_engines_agree(googlesql, sql, FRAMES)


def test_tables_that_are_not_given_are_empty_and_views_are_there(googlesql: Engine) -> None:
    for name in ("silver.sessions", "gold.student_course_metrics", "silver.video_events"):
        assert assert_both_engines_agree(googlesql, f"SELECT * FROM {name}", {}).is_empty()
    sql = "SELECT MAX(attempt_number) AS n, COUNT(*) AS m FROM silver.question_attempts"
    assert assert_both_engines_agree(googlesql, sql, {}).rows() == [(None, 0)]


def test_views_are_derived_from_the_tables_that_are_given(googlesql: Engine) -> None:
    attempts = pl.DataFrame({"event_id": ["a", "b"], "question_id": ["q", "q"]})
    stored = pl.DataFrame(arrow.schema("question_attempts").empty_table())
    frames = {"silver.question_attempts": pl.concat([stored, attempts], how="diagonal")}
    sql = "SELECT event_id, attempt_number FROM silver.question_attempts"
    rows = assert_both_engines_agree(googlesql, sql, frames).rows()
    assert sorted(rows) == [("a", 1), ("b", 2)]
    events = pl.DataFrame({"event_type": ["video_play", "login"], "metadata": ['{"to": 2}'] * 2})
    stored = pl.DataFrame(arrow.schema("events").empty_table())
    frames = {"silver.events": pl.concat([stored, events], how="diagonal")}
    sql = "SELECT position_seconds FROM silver.video_events"
    assert assert_both_engines_agree(googlesql, sql, frames).rows() == [(2.0,)]


def test_rows_are_the_same_in_any_order_and_doubles_nearly() -> None:
    ours = pl.DataFrame({"k": ["a", "b", None, "b"], "x": [1.0, 2.0, None, 1e9]})
    near = ours.with_columns(pl.col("x") * (1 + 1e-10)).reverse()
    assert_same_rows(ours, near)
    narrow, wide = pl.lit(1, pl.Int32), pl.lit(1, pl.Int64)
    assert_same_rows(ours.with_columns(n=narrow), near.with_columns(n=wide))


@pytest.mark.parametrize(
    "changed",
    [
        pl.DataFrame({"k": ["a", "b"], "x": [1.0, 2.00000001]}),
        pl.DataFrame({"k": ["a", "b"], "x": [1.0, None]}),
        pl.DataFrame({"k": ["b", "a"], "x": [1.0, 2.0]}),
        pl.DataFrame({"k": ["a", "b", "b"], "x": [1.0, 2.0, 2.0]}),
        pl.DataFrame({"k": ["a"], "x": [1.0]}),
        pl.DataFrame({"k": ["a", "b"], "x": [1, 2]}),
        pl.DataFrame({"x": [1.0, 2.0], "k": ["a", "b"]}).rename({"x": "y"}),
    ],
)
def test_rows_that_differ_are_told(changed: pl.DataFrame) -> None:
    with pytest.raises(AssertionError):
        assert_same_rows(pl.DataFrame({"k": ["a", "b"], "x": [1.0, 2.0]}), changed)


def test_large_whole_numbers_must_be_equal() -> None:
    with pytest.raises(AssertionError):
        assert_same_rows(pl.DataFrame({"n": [2**60]}), pl.DataFrame({"n": [2**60 + 1]}))
