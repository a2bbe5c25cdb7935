"""Do the models and the questions give the same rows through BigQuery's own client?

The emulator translates to DuckDB, so this shows the way there (names, parameters, types), and
`tests/sql` with Google's own engine that the text means the same.
"""

import datetime
import io
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from google.cloud import bigquery
from polars.testing import assert_frame_equal

from pipelines import check, rollup
from pipelines.models import sql_models
from pipelines.readers import queries, query_bigquery
from pipelines.readers.query_bigquery import Reader
from pipelines.readers.snapshot import Snapshot, open_snapshot
from schemas import tables
from tests.bigquery.proxy import Proxy
from tests.pipelines import term
from tests.pipelines.whole_runs import run

STAMPS = ("processed_at", "schema_version")
MODELS = sql_models.load_models()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Snapshot:
    """A term and its range tables in a folder."""
    place = tmp_path_factory.mktemp("folder")
    assert run(place, term.write_term(tmp_path_factory.mktemp("term"))) == 0
    assert rollup.main([f"--warehouse={place}"]) == 0
    return open_snapshot(place)


@pytest.fixture(scope="module")
def loaded(warehouse: str, folder: Snapshot) -> Reader:
    """The same rows in BigQuery: of all tables that a model or a question reads."""
    reader = query_bigquery.open_reader(warehouse)
    asked = [*MODELS.values(), *queries.load_queries().values()]
    for name in sorted({name for text in asked for name in text.inputs}):
        _load(reader, name, folder.polars(name))
    return reader


def _load(reader: Reader, name: str, rows: pl.DataFrame) -> None:
    content = io.BytesIO()
    rows.write_parquet(content)
    content.seek(0)
    lists = bigquery.ParquetOptions()
    lists.enable_list_inference = True
    settings = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
    settings.parquet_options = lists
    there = reader.address.table(name)
    reader.client.load_table_from_file(content, there, job_config=settings).result()


def _as_of(folder: Snapshot) -> datetime.date:
    newest = folder.polars("gold.platform_daily")["date"].max()
    assert isinstance(newest, datetime.date)
    return newest


@pytest.mark.parametrize("name", MODELS)
def test_model_gives_the_rows_of_a_folder(name: str, folder: Snapshot, loaded: Reader) -> None:
    given: dict[str, Any] = {"as_of_date": _as_of(folder), "away_days": 7, "pass_mark": 0.6}
    sql = MODELS[name].sql
    used = {key: given[key] for key in sql_models.parameters_of(sql)}
    theirs = folder.polars(tables.get(name).full_name).drop(STAMPS)
    ours = loaded.run(sql, used).select(theirs.columns).cast(dict(theirs.schema))
    key = list(tables.get(name).key)
    assert_frame_equal(ours.sort(key), theirs.sort(key), rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("name", queries.load_queries())
def test_question_has_the_answer_of_a_folder(name: str, folder: Snapshot, loaded: Reader) -> None:
    question = queries.load_queries()[name]
    theirs = queries.answer(queries.connect(folder, [question]), question)
    ours = query_bigquery.run_named(loaded, name, {})
    assert_frame_equal(ours, theirs, check_dtypes=False, rel_tol=1e-9, abs_tol=1e-12)


def test_rollup_stores_in_bigquery_what_it_stores_in_a_folder(
    folder: Snapshot, loaded: Reader, warehouse: str
) -> None:
    for _ in range(2):
        assert rollup.main([f"--warehouse={warehouse}"]) == 0
        for name in MODELS:
            full_name, key = tables.get(name).full_name, list(tables.get(name).key)
            ours, theirs = (of.polars(full_name).drop(STAMPS) for of in (loaded, folder))
            assert_frame_equal(ours.sort(key), theirs.sort(key), rel_tol=1e-9, abs_tol=1e-12)
    runs = loaded.polars("ops.pipeline_runs").filter(pl.col("mode") == "rollup")
    assert runs["status"].to_list() == ["completed"] * 2
    results = loaded.polars("ops.data_quality")
    assert results["is_passed"].all()
    assert results.height == folder.polars("ops.data_quality").height
    assert list(loaded.client.list_tables(loaded.address.dataset("staged"))) == []


def test_failing_check_keeps_the_old_rows_and_what_depends_on_them(
    loaded: Reader, warehouse: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = tmp_path / "sql"
    shutil.copytree(sql_models.SQL, sql)
    model = sql / "models" / "chapter_difficulty.sql"
    wrong = "WITH wrong AS (SELECT 1 AS one) SELECT * FROM ({}) UNION ALL SELECT * FROM ({})"
    text = model.read_text("utf-8")
    model.write_text(wrong.format(f"\n{text}\n", f"\n{text}\n"))
    before = loaded.polars("gold.chapter_analytics")
    command = [f"--warehouse={warehouse}", "--select=chapter_difficulty+"]
    assert rollup.main(command, sql) == 1
    said = capsys.readouterr()
    assert "unique_key" in said.err
    assert "gold.chapter_analytics           skipped: chapter_difficulty did not pass" in said.out
    assert loaded.polars("gold.chapter_analytics").equals(before)


def test_checks_of_all_tables_pass_in_bigquery_as_in_a_folder(
    loaded: Reader, warehouse: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "silver.sessions,gold.platform_daily,gold.chapter_engagement"
    assert check.main([f"--warehouse={warehouse}", f"--tables={names}"]) == 0
    assert "of 3 tables" in capsys.readouterr().out
