"""Are models found, ordered and chosen by what their texts name, and does their text run?"""

import datetime
import graphlib
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.models.run_models import Reckoning
from pipelines.models.sql_models import (
    choose,
    dependants,
    inputs_of,
    load_models,
    parameters_of,
    run_sql,
    teach_googlesql,
)
from pipelines.outputs.lake import Lake
from pipelines.readers.snapshot import WarehouseError, open_snapshot
from tests.pipelines.killing import ROOT
from tests.pipelines.range_lake import CHAIN, write_sql

STAMPS = {"processed_at", "schema_version"}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """DuckDB with the functions of GoogleSQL."""
    made = duckdb.connect()
    made.execute("SET TimeZone = 'UTC'")
    teach_googlesql(made)
    return made


def test_every_model_makes_a_range_table_after_what_it_reads() -> None:
    models = load_models()
    done: set[str] = set()
    for name, model in models.items():
        assert model.table.partition == "as_of_date"
        assert not {f"gold.{other}" for other in models.keys() - done} & set(model.inputs)
        assert parameters_of(model.sql) <= {"as_of_date", "away_days", "pass_mark"}
        done.add(name)


def test_order_is_the_same_in_every_process() -> None:
    script = "from pipelines.models.sql_models import load_models; print(*load_models())"
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == list(load_models())


def test_models_that_read_each_other_are_an_error(tmp_path: Path) -> None:
    circle = CHAIN | {"cohort_retention": "SELECT * FROM gold.skill_mastery"}
    with pytest.raises(graphlib.CycleError):
        load_models(write_sql(tmp_path / "sql", circle) / "models")


def test_choice_is_in_order_and_a_plus_takes_what_depends_on_it(tmp_path: Path) -> None:
    models = load_models(write_sql(tmp_path / "sql", CHAIN) / "models")

    def names(*wanted: str) -> list[str]:
        return [model.name for model in choose(models, wanted)]

    assert names("skill_mastery", "cohort_retention") == ["cohort_retention", "skill_mastery"]
    assert names("assignment_status+") == ["assignment_status", "skill_mastery"]
    assert names("course_dropoff+", "skill_mastery+") == sorted(
        ["course_dropoff", "skill_mastery"], key=list(models).index
    )
    assert dependants(models, "cohort_retention") == set(CHAIN) - {"course_dropoff"}
    with pytest.raises(WarehouseError, match="there is no model other"):
        names("other+")


def test_inputs_and_parameters_are_read_out_of_code_only() -> None:
    sql = """-- gold.in_a_comment @comment
        SELECT 'silver.in_a_text @text', 'it''s @more', @used FROM silver.events AS e
        JOIN gold.dim_chapters USING (chapter_id) WHERE e.silver_lining = @used  -- @end"""
    assert inputs_of(sql) == ("gold.dim_chapters", "silver.events")
    assert parameters_of(sql) == {"used"}


def test_parameters_reach_the_query_and_texts_stay(connection: duckdb.DuckDBPyConnection) -> None:
    day = datetime.date(2025, 9, 1)
    rows = run_sql(connection, "SELECT @d AS d, '@d' AS t", {"d": day, "unused": 1})
    assert rows.rows() == [(day, "@d")]


def test_numbers_have_the_types_of_googlesql(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT SUM(x) AS sum, COUNT(*) AS n, 0.25 AS share, SUM(x) * 0.5 AS half FROM t"
    connection.register("t", pl.DataFrame({"x": [1, 2]}).to_arrow())
    rows = run_sql(connection, sql, {})
    assert rows.dtypes == [pl.Int64, pl.Int64, pl.Float64, pl.Float64]
    assert rows.row(0) == (3, 2, 0.25, 1.5)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SAFE_DIVIDE(1, 0)", None),
        ("SAFE_DIVIDE(1, 2)", 0.5),
        ("SAFE_DIVIDE(NULL, 2)", None),
        ("UNIX_DATE(DATE '1970-01-02')", 1),
        ("DATE_FROM_UNIX_DATE(UNIX_DATE(DATE '2024-02-29'))", datetime.date(2024, 2, 29)),
        ("UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.0019+00')", 1001),
        ("UNIX_MICROS(TIMESTAMP '1970-01-01 00:00:01.000002+00')", 1000002),
        ("JSON_VALUE('{\"a\": \"b\"}', '$.a')", "b"),
        ("CAST(1 AS FLOAT64)", 1.0),
    ],
)
def test_function_of_googlesql_gives_what_it_gives_there(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: object
) -> None:
    assert run_sql(connection, f"SELECT {expression} AS x", {})["x"].to_list() == [expected]


def test_countif_counts_0_where_there_is_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    empty = "(SELECT CAST(NULL AS BOOLEAN) AS x WHERE FALSE)"
    unknown = "(SELECT CAST(NULL AS BOOLEAN) AS x)"
    for source in (empty, unknown):
        sql = f"SELECT COUNTIF(x) AS n, COUNTIF(NOT x) AS m FROM {source} AS t"
        assert run_sql(connection, sql, {}).row(0) == (0, 0)


def test_every_model_gives_no_rows_on_an_empty_warehouse(tmp_path: Path) -> None:
    Lake(str(tmp_path)).create_tables()
    connection = open_snapshot(tmp_path).connect()
    teach_googlesql(connection)
    parameters = Reckoning(datetime.date(2025, 9, 1)).parameters()
    for model in load_models().values():
        rows = run_sql(connection, model.sql, parameters)
        wanted = [c.name for c in model.table.columns if c.name not in STAMPS]
        assert (rows.height, rows.columns) == (0, wanted), model.name
