"""Do range tables become visible whole, only when they pass, and without harm to other writers?"""

import contextlib
import datetime
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import rollup
from pipelines.models import places
from pipelines.models.sql_models import load_models
from pipelines.outputs import commit_tables
from pipelines.outputs.lake import Lake
from pipelines.readers.snapshot import open_snapshot
from tests.pipelines.killing import ROOT
from tests.pipelines.range_lake import CHAIN, make_school, write_sql
from tests.pipelines.stream_lake import changes as stream_changes
from tests.pipelines.stream_lake import commits, event, facts
from tests.pipelines.whole_runs import (
    Rows,
    completed,
    contents,
    differing_rows,
    last_run,
    page_view,
    read,
    write_lines,
)

pytestmark = [pytest.mark.usefixtures("pseudonym_key"), pytest.mark.slow]

RANGE = [f"gold.{name}" for name in load_models()]
NEWEST, EARLIER = datetime.date(2025, 9, 9), datetime.date(2025, 9, 5)
FAILING = "-- check: more | error: There is more.\nSELECT 1 AS observed, 2 AS expected;\n"


@pytest.fixture(scope="module")
def made(pseudonym_key: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a small school, to copy."""
    return make_school(tmp_path_factory.mktemp("school"))


@pytest.fixture
def warehouse(made: Path, tmp_path: Path) -> Path:
    """A warehouse of this test's own."""
    return Path(shutil.copytree(made, tmp_path / "w"))


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    """A chain of three small models, and one beside it."""
    return write_sql(tmp_path / "sql", CHAIN)


def roll(warehouse: Path | str, *flags: str, sql: Path | None = None) -> int:
    arguments = [f"--warehouse={warehouse}", *flags]
    return rollup.main(arguments, sql) if sql else rollup.main(arguments)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def rows_of(warehouse: Path, name: str, date: datetime.date = NEWEST) -> pl.DataFrame:
    return open_snapshot(warehouse).polars(f"gold.{name}", [date])


def range_rows(warehouse: Path) -> dict[str, Rows]:
    """The rows of all range tables without what tells one run from another."""
    snapshot = open_snapshot(warehouse)
    return {name: snapshot.polars(name).drop("processed_at").to_dicts() for name in RANGE}


def of_date(rows: Rows, date: datetime.date) -> Rows:
    return [row for row in rows if row["as_of_date"] == date]


def assert_same(before: dict[str, Rows], after: dict[str, Rows]) -> None:
    """Doubles are sums in no order, so they agree to a relative 1e-9."""
    for name, rows in before.items():
        assert not differing_rows(rows, after[name], name)[:5]


def test_every_range_table_is_made_as_of_the_newest_date(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(warehouse) == 0
    told = capsys.readouterr().out
    for name in load_models():
        rows = open_snapshot(warehouse).polars(f"gold.{name}")
        assert set(rows["as_of_date"]) == {NEWEST}, name
        assert f"{rows.height:,} rows" in next(x for x in told.splitlines() if f"{name} " in x)
    summary = rows_of(warehouse, "chapter_engagement_summary")
    visits = open_snapshot(warehouse).polars("silver.chapter_visits")
    assert summary["total_time_spent_seconds"].sum() == pytest.approx(
        visits["time_spent_seconds"].sum()
    )


def test_row_of_the_run_tells_what_it_read_and_made(warehouse: Path) -> None:
    before = open_snapshot(warehouse)
    assert roll(warehouse, "--away_days=3", "--select=student_features") == 0
    row = last_run(warehouse)
    assert (row["mode"], row["status"], row["records_read"]) == ("rollup", "completed", 0)
    assert json.loads(row["options"]) == {
        "as_of_date": str(NEWEST), "away_days": 3, "pass_mark": 0.6, "select": ["student_features"],
    }  # fmt: skip
    assert json.loads(row["inputs"])["silver.sessions"] == before.version("silver.sessions")
    after = json.loads(row["table_versions"])
    written = {name for name in after if after[name] != before.version(name)}
    assert written == {"gold.student_features", "ops.data_quality", "ops.pipeline_runs"}


def test_second_rollup_leaves_the_same_rows(warehouse: Path) -> None:
    assert roll(warehouse) == 0
    before = range_rows(warehouse)
    assert roll(warehouse) == 0
    assert_same(before, range_rows(warehouse))
    assert all(before.values())


def test_other_dates_keep_their_rows(warehouse: Path) -> None:
    assert roll(warehouse, f"--as_of={EARLIER}") == 0
    earlier = range_rows(warehouse)
    assert roll(warehouse) == 0
    both = range_rows(warehouse)
    assert all(len(both[name]) > len(earlier[name]) > 0 for name in RANGE)
    assert_same(earlier, {name: of_date(rows, EARLIER) for name, rows in both.items()})
    assert roll(warehouse, f"--as_of={EARLIER}") == 0
    assert_same(both, range_rows(warehouse))


def test_condition_on_any_column_of_silver_finds_its_rows(warehouse: Path) -> None:
    """The log gives bounds of some columns only: of the others nothing is known."""
    snapshot = open_snapshot(warehouse)
    expected = snapshot.polars("silver.events").filter(pl.col("event_type") == "page_view").height
    query = "SELECT COUNT(*) FROM silver.events WHERE event_type = 'page_view'"
    assert snapshot.connect().sql(query).fetchall() == [(expected,)]
    assert expected > 0


def test_select_makes_one_table_or_also_what_depends_on_it(warehouse: Path, sql: Path) -> None:
    assert roll(warehouse, "--select=cohort_retention", sql=sql) == 0
    assert rows_of(warehouse, "cohort_retention").height == 1
    assert rows_of(warehouse, "assignment_status").is_empty()
    assert roll(warehouse, "--select=assignment_status+", sql=sql) == 0
    assert rows_of(warehouse, "assignment_status").height == 1
    assert rows_of(warehouse, "skill_mastery").height == 1
    assert rows_of(warehouse, "course_dropoff").is_empty()


def test_model_reads_the_rows_just_made_else_those_stored_for_the_date(
    warehouse: Path, sql: Path
) -> None:
    assert roll(warehouse, sql=sql) == 0
    chain = {
        **CHAIN,
        "cohort_retention": CHAIN["cohort_retention"].replace("0 AS week", "5 AS week"),
    }
    one = chain["assignment_status"].replace("cohort_students AS", "week_number AS")
    write_sql(sql, chain | {"assignment_status": one})
    assert roll(warehouse, "--select=assignment_status", sql=sql) == 0
    assert rows_of(warehouse, "assignment_status")["student_hash"].to_list() == ["0"]
    assert roll(warehouse, "--select=cohort_retention+", sql=sql) == 0
    assert rows_of(warehouse, "skill_mastery")["student_hash"].to_list() == ["5"]


def test_input_without_rows_for_the_date_is_noted(
    warehouse: Path, sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(warehouse, "--select=assignment_status", sql=sql) == 0
    assert "--select=cohort_retention+" in complaint(capsys)


def test_failing_check_keeps_the_old_table_and_stops_what_depends_on_it(
    warehouse: Path, sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(warehouse, sql=sql) == 0
    before = contents(warehouse, RANGE)
    changed = {name: text.replace("1.0 AS", "0.5 AS") for name, text in CHAIN.items()}
    changed["course_dropoff"] = CHAIN["course_dropoff"].replace("1 AS", "2 AS")
    write_sql(sql, changed, {"cohort_retention": FAILING})
    capsys.readouterr()
    assert roll(warehouse, sql=sql) == 1
    after = contents(warehouse, RANGE)
    stopped = ["gold.cohort_retention", "gold.assignment_status", "gold.skill_mastery"]
    assert [after[name] == before[name] for name in stopped] == [True] * 3
    assert set(rows_of(warehouse, "course_dropoff")["chapter_order"]) == {2}
    told = capsys.readouterr()
    assert told.out.count("skipped: cohort_retention did not pass") == 2
    assert "gold.cohort_retention: error more: observed 1.0, expected 2.0" in told.err
    kept = pl.DataFrame(read(warehouse, "ops.data_quality")).filter(~pl.col("is_passed"))
    assert kept.select("table_name", "check_name", "observed").rows() == [
        ("gold.cohort_retention", "more", 1.0)
    ]


def test_rows_that_break_the_description_are_not_stored(warehouse: Path, sql: Path) -> None:
    negative = CHAIN["course_dropoff"].replace("0.0 AS", "-0.5 AS")
    write_sql(sql, {"course_dropoff": negative})
    assert roll(warehouse, sql=sql) == 1
    assert rows_of(warehouse, "course_dropoff").is_empty()


def test_failing_warning_stores_the_rows(
    warehouse: Path, sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sql(sql, CHAIN, {"cohort_retention": FAILING.replace("error", "warning")})
    assert roll(warehouse, sql=sql) == 0
    assert rows_of(warehouse, "cohort_retention").height == 1
    assert "warning more" in complaint(capsys)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("MIN(session_date)", "MIN(nonsense)", "does not run"),
        ("cohort_week,", "cohort_wek,", "gives other columns"),
        ("0 AS week_number", "'x' AS week_number", "values of other types"),
        ("@as_of_date AS", "DATE '2020-01-01' AS", "as of other dates"),
        ("<= @as_of_date", "<= @some_date", "does not run"),
    ],
)
def test_broken_model_fails_in_one_line_and_leaves_everything(
    warehouse: Path, sql: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    text = CHAIN["cohort_retention"].replace(old, new)
    write_sql(sql, CHAIN | {"cohort_retention": text})
    before = last_run(warehouse)
    assert roll(warehouse, sql=sql) == 1
    line = complaint(capsys)
    assert words in line
    assert "nothing of it is visible" in line
    assert last_run(warehouse) == before


@pytest.mark.parametrize("moment", ["replace_results", "_write_run"])
def test_killed_between_files_and_the_row_readers_see_what_they_saw(
    warehouse: Path, moment: str
) -> None:
    assert roll(warehouse, f"--as_of={EARLIER}") == 0
    before = contents(warehouse, [*RANGE, "ops.data_quality"])
    script = (
        "import os, signal; from pipelines import rollup; "
        "from pipelines.outputs import commit_tables; "
        f"commit_tables.{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        f"rollup.main(['--warehouse={warehouse}'])"
    )
    died = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
    assert died.returncode == -9
    assert Lake(str(warehouse)).dates("student_features") == {EARLIER, NEWEST}
    assert contents(warehouse, [*RANGE, "ops.data_quality"]) == before
    assert roll(warehouse, "--select=student_features") == 0
    assert rows_of(warehouse, "student_features").height > 0
    assert rows_of(warehouse, "student_profiles").is_empty()


def test_batch_that_runs_meanwhile_is_not_lost(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = write_lines(tmp_path / "more.jsonl", [page_view(0)])

    def commit(*arguments: Any) -> Any:
        completed(warehouse, more)
        return commit_tables.commit_tables(*arguments)

    monkeypatch.setattr(places, "commit_tables", commit)
    assert roll(warehouse) == 0
    assert any(row["event_id"] == "e0" for row in read(warehouse, "silver.events"))
    assert rows_of(warehouse, "student_features").height > 0
    completed(warehouse, more)
    assert rows_of(warehouse, "student_features").height > 0


def test_stream_that_commits_meanwhile_and_the_rollup_keep_each_other_s_rows(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = commits(warehouse)

    def commit(*arguments: Any) -> Any:
        stream.commit({"events": stream_changes("events", event("streamed"))}, facts())
        return commit_tables.commit_tables(*arguments)

    monkeypatch.setattr(places, "commit_tables", commit)
    assert roll(warehouse) == 0
    assert any(row["event_id"] == "streamed" for row in read(warehouse, "silver.events"))
    stream.commit({"events": stream_changes("events", event("later", 1))}, facts(2))
    assert rows_of(warehouse, "student_features").height > 0
    assert any(row["event_id"] == "later" for row in read(warehouse, "silver.events"))


def test_run_that_names_versions_at_the_same_moment_in_a_bucket_is_not_hidden(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = commit_tables.write_row, []

    def racing(*arguments: Any) -> None:
        if not calls:
            stream = commits(warehouse)
            stream.commit({"events": stream_changes("events", event("raced"))}, facts())
            arguments[0].update_incremental()
        calls.append(1)
        write(*arguments)

    monkeypatch.setattr(commit_tables, "committing", contextlib.nullcontext)
    monkeypatch.setattr(commit_tables, "write_row", racing)
    assert roll(warehouse) == 0
    assert len(calls) == 2
    assert any(row["event_id"] == "raced" for row in read(warehouse, "silver.events"))
    assert rows_of(warehouse, "student_features").height > 0


def test_warehouse_without_events_stays_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Lake(str(tmp_path)).create_tables()
    assert roll(tmp_path) == 0
    assert "no events yet" in capsys.readouterr().out
    assert not any(contents(tmp_path, [*RANGE, "ops.pipeline_runs"]).values())


def test_school_of_one_day_is_enough(tmp_path: Path) -> None:
    warehouse = make_school(tmp_path, days=1)
    assert roll(warehouse) == 0
    assert not rows_of(warehouse, "student_features", datetime.date(2025, 9, 1)).is_empty()


def test_events_without_courses_and_catalogues_give_rows_without_them(tmp_path: Path) -> None:
    views = [page_view(n, page_url="/home") for n in range(3)]
    completed(tmp_path / "w", write_lines(tmp_path / "in.jsonl", views))
    assert roll(tmp_path / "w") == 0
    date = datetime.date(2025, 11, 16)
    assert rows_of(tmp_path / "w", "student_features", date).height == 1
    assert rows_of(tmp_path / "w", "chapter_analytics", date).is_empty()


@pytest.mark.parametrize("name", ["silver/sessions", "gold/dim_chapters"])
def test_table_that_is_gone_is_one_clear_line(
    warehouse: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.rmtree(warehouse / name)
    assert roll(warehouse) == 2
    line = complaint(capsys)
    assert name.replace("/", ".") in line
    assert "run the batch again" in line


def test_warehouse_older_than_a_table_gets_it(warehouse: Path) -> None:
    shutil.rmtree(warehouse / "gold" / "cohort_retention")
    runs = Lake(str(warehouse))
    row = last_run(warehouse)
    versions = json.loads(row["table_versions"])
    del versions["gold.cohort_retention"]
    later = row["finished_at"] + datetime.timedelta(seconds=1)
    changed = row | {"run_id": "x", "table_versions": json.dumps(versions), "finished_at": later}
    runs.append("pipeline_runs", pl.DataFrame([changed]))
    assert roll(warehouse, "--select=cohort_retention") == 0
    assert not rows_of(warehouse, "cohort_retention").is_empty()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--select=nothing"], "there is no model nothing, but: "),
        (["--as_of=2025-08-31"], "before the first date with events, 2025-09-01"),
        (["--as_of=yesterday"], "no date"),
        (["--pass_mark=60"], "more than 1"),
        (["--away_days=-1"], "too small"),
        (["--fast"], "--fast"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(
    warehouse: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    assert roll(warehouse, *flags) == 2
    assert words in complaint(capsys)


def test_missing_warehouse_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(tmp_path / "none") == 2
    assert "no warehouse" in complaint(capsys)
    assert rollup.main([]) == 2
    assert "--warehouse" in complaint(capsys)


def test_date_after_the_newest_is_reckoned_and_noted(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = NEWEST + datetime.timedelta(days=10)
    assert roll(warehouse, f"--as_of={later}", "--select=student_features") == 0
    assert f"the newest date with events is {NEWEST}" in complaint(capsys)
    assert rows_of(warehouse, "student_features", later)["last_login_days_ago"].min() == 10


def test_list_names_the_tables_in_order_without_a_warehouse(
    sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollup.main(["--list"], sql) == 0
    lines = capsys.readouterr().out.splitlines()
    order = [line.split()[0].removeprefix("gold.") for line in lines]
    assert sorted(order) == sorted(CHAIN)
    chained = [name for name in order if name != "course_dropoff"]
    assert chained == ["cohort_retention", "assignment_status", "skill_mastery"]
    assert "reads silver.chapter_visits" in lines[order.index("course_dropoff")]
