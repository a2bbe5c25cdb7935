"""Do data checks find what is wrong, and only that, and are their results kept?"""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines import check
from pipelines.models.checks import (
    BrokenCheckError,
    Check,
    Result,
    own_checks,
    rules_of,
    run_checks,
    unique_key,
)
from pipelines.models.run_in_duckdb import InDuckDb
from pipelines.models.run_models import Reckoning
from pipelines.models.sql_models import SQL, load_models, parameters_of
from pipelines.outputs.find_keys import stored_schema
from pipelines.outputs.lake import Lake
from pipelines.readers.snapshot import open_snapshot
from schemas import tables
from tests.pipelines.range_lake import make_school, write_sql
from tests.pipelines.stream_lake import changes, commits, event, facts
from tests.pipelines.whole_runs import last_run, read

COHORTS = tables.get("cohort_retention")
DAY = datetime.date(2025, 9, 1)
GOOD = {
    "as_of_date": DAY, "cohort_week": DAY, "week_number": 0, "cohort_students": 3,
    "retained_students": 3, "retention_rate": 1.0, "schema_version": 1,
    "processed_at": datetime.datetime(2025, 9, 2, tzinfo=datetime.UTC),
}  # fmt: skip


def failed(table: tables.Table, *rows: dict[str, Any], own: list[Check] | None = None) -> list[str]:
    """Names of the checks that rows of a table do not pass."""
    frame = pl.DataFrame(list(rows), schema=stored_schema(table))
    connection = duckdb.connect()
    connection.execute(f"CREATE SCHEMA {table.layer}")
    connection.register("given", frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    connection.execute(f"CREATE VIEW {table.full_name} AS SELECT * FROM given")
    results = run_checks(InDuckDb(connection).run, table, own or [], {})
    return [result.check.name for result in results if not result.is_passed]


def test_good_rows_and_no_rows_pass() -> None:
    assert failed(COHORTS, GOOD, GOOD | {"week_number": 1}) == []
    assert failed(COHORTS) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"cohort_students": None}, "not_null_cohort_students"),
        ({"processed_at": None}, "not_null_processed_at"),
        ({"retention_rate": 1.0000001}, "range_retention_rate"),
        ({"retention_rate": -0.1}, "range_retention_rate"),
        ({"retention_rate": float("nan")}, "range_retention_rate"),
    ],
)
def test_wrong_value_fails_the_check_of_its_column(change: dict[str, Any], name: str) -> None:
    assert failed(COHORTS, GOOD, GOOD | {"week_number": 1} | change) == [name]


def test_null_is_within_every_range_where_it_is_allowed() -> None:
    table = tables.get("student_features")
    nullable = {c.name for c in table.columns if "None" in str(c.type)}
    names = {rule.name.removeprefix("range_") for rule in rules_of(table)}
    assert "quiz_accuracy_30d" in nullable & names
    row = {c.name: 0 for c in table.columns if c.name not in nullable}
    times = {"as_of_date": DAY, "student_hash": "s", "processed_at": GOOD["processed_at"]}
    assert failed(table, row | times) == []


def test_negative_time_fails() -> None:
    table = tables.get("device_daily")
    row = {
        "date": DAY, "sessions_count": 1, "active_students": 1, "total_time_spent_seconds": -0.001,
        "schema_version": 1, "processed_at": GOOD["processed_at"],
    }  # fmt: skip
    assert failed(table, row) == ["range_total_time_spent_seconds"]
    assert failed(table, row | {"total_time_spent_seconds": 0.0, "sessions_count": -1}) == [
        "range_sessions_count"
    ]


def test_same_key_twice_fails_and_null_is_a_value_of_it() -> None:
    assert failed(COHORTS, GOOD, GOOD) == ["unique_key"]
    table = tables.get("dim_questions")
    stamps = {"schema_version": 1, "processed_at": GOOD["processed_at"]}
    one, other = ({"quiz_id": None, "question_id": q} | stamps for q in ("1", "2"))
    assert failed(table, one, other) == []
    assert failed(table, one, one) == ["unique_key"]


@pytest.mark.parametrize(
    ("observed", "expected", "is_limit", "is_passed"),
    [
        (1.0, 1.0, False, True),
        (1e9, 1e9 + 0.5, False, True),
        (1e9, 1e9 + 5, False, False),
        (0.0, 1e-10, False, True),
        (None, None, False, True),
        (None, 0.0, False, False),
        (0.0, None, False, False),
        (0.5, 1.0, False, False),
        (0.5, 1.0, True, True),
        (1.5, 1.0, True, False),
        (None, 1.0, True, True),
        (float("nan"), 1.0, True, False),
    ],
)
def test_observed_is_judged_by_what_is_expected(
    observed: float | None, expected: float | None, is_limit: bool, is_passed: bool
) -> None:
    one = Check("gold.x", "n", "error", "S.", "", is_limit)
    assert Result(one, observed, expected).is_passed is is_passed


def test_checks_are_read_out_of_a_file(tmp_path: Path) -> None:
    text = (
        "-- About the table.\n-- check: first | error: It is so.\nSELECT 1 AS observed,\n"
        "  2 AS expected;\n\n-- check: second | warning, at most: It is less.\n"
        "SELECT 1 AS observed, 2 AS expected\n"
    )
    write_sql(tmp_path / "sql", {}, {"cohort_retention": text})
    own = own_checks(COHORTS, tmp_path / "sql" / "checks")
    assert [(c.name, c.severity, c.is_limit, c.sentence) for c in own] == [
        ("first", "error", False, "It is so."),
        ("second", "warning", True, "It is less."),
    ]
    assert failed(COHORTS, GOOD, own=own) == ["first"]
    assert own_checks(tables.get("dim_dates"), tmp_path / "sql" / "checks") == []


@pytest.mark.parametrize(
    "text",
    [
        "-- check: no_severity: It is so.\nSELECT 1",
        "-- check: a | fatal: It is so.\nSELECT 1",
        "-- check: a | error: So.\nSELECT 1\n-- check: a | error: So.\nSELECT 1",
    ],
)
def test_ill_formed_checks_are_refused(tmp_path: Path, text: str) -> None:
    write_sql(tmp_path / "sql", {}, {"cohort_retention": text})
    with pytest.raises(BrokenCheckError, match=r"cohort_retention\.sql"):
        own_checks(COHORTS, tmp_path / "sql" / "checks")


@pytest.mark.parametrize(
    "sql",
    ["SELECT nonsense", "SELECT 1 AS observed", "SELECT 1 AS observed, 2 AS expected LIMIT 0"],
)
def test_check_that_does_not_give_its_row_is_named(sql: str) -> None:
    with pytest.raises(BrokenCheckError, match=r"check odd of gold\.cohort_retention"):
        failed(COHORTS, GOOD, own=[Check(COHORTS.full_name, "odd", "error", "S.", sql)])


def test_every_file_of_checks_belongs_to_a_table_and_holds_some() -> None:
    for path in (SQL / "checks").glob("*.sql"):
        own = own_checks(tables.get(path.stem))
        assert own, path.name
        known = (
            {"as_of_date", "away_days", "pass_mark"} if path.stem in load_models() else {"today"}
        )
        assert set().union(*(parameters_of(one.sql) for one in own)) <= known


def test_every_check_runs_and_passes_without_any_rows(tmp_path: Path) -> None:
    Lake(str(tmp_path)).create_tables()
    engine = InDuckDb(open_snapshot(tmp_path).connect())
    parameters = Reckoning(DAY).parameters() | {"today": DAY}
    for table in tables.tables().values():
        results = run_checks(engine.run, table, own_checks(table), parameters)
        assert [str(result) for result in results if not result.is_passed] == []
        assert unique_key(table) in [result.check for result in results]


@pytest.fixture(scope="module")
def warehouse(pseudonym_key: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a small school."""
    return make_school(tmp_path_factory.mktemp("school"), days=4)


def test_sound_warehouse_passes_and_the_results_are_kept(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([f"--warehouse={warehouse}"]) == 0
    told = capsys.readouterr()
    assert "errors: 0" in told.out
    kept = read(warehouse, "ops.data_quality")
    assert {row["table_name"] for row in kept} == {t.full_name for t in tables.tables().values()}
    assert {row["checked_at"] for row in kept} == {last_run(warehouse)["started_at"]}
    warned = [row["check_name"] for row in kept if not row["is_passed"]]
    assert len(told.err.splitlines()) == len(warned)
    # The events of the simulated school are of another year.
    assert "freshness" in warned
    assert last_run(warehouse)["mode"] == "check"


def test_checking_again_on_a_day_replaces_results(warehouse: Path) -> None:
    assert check.main([f"--warehouse={warehouse}"]) == 0
    before = read(warehouse, "ops.data_quality")
    assert check.main([f"--warehouse={warehouse}", "--tables=silver.sessions"]) == 0
    after = read(warehouse, "ops.data_quality")
    assert len(after) == len(before)
    newest = max(row["checked_at"] for row in after)
    checked = {row["table_name"] for row in after if row["checked_at"] == newest}
    assert checked == {"silver.sessions"}


def test_rows_of_gold_that_silver_does_not_explain_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = commits(tmp_path)
    told_of = {"event_type": "page_view", "session_id": "x", "is_id_conflict": False}
    row = event("a", event_hour=10, **told_of)
    stream.commit({"events": changes("events", row)}, facts())
    assert check.main([f"--warehouse={tmp_path}"]) == 1
    lines = capsys.readouterr().err.splitlines()
    errors = {line.partition(" error ")[2].partition(":")[0] for line in lines if " error " in line}
    assert errors == {"events_of_silver", "pages_of_silver"}
    kept = {row["check_name"] for row in read(tmp_path, "ops.data_quality") if not row["is_passed"]}
    assert errors <= kept


def test_wrong_options_of_the_check_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], [f"--warehouse={tmp_path}/none"], ["--warehouse=x", "--tables=gold.none"]):
        assert check.main(flags) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
