"""Does a batch into BigQuery leave the rows that it leaves in a folder, and never half of them?"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests
from polars.testing import assert_frame_equal

from benchmarks.compare_warehouses import compared_tables, differences
from pipelines import query
from pipelines.outputs.bigquery import turn
from pipelines.outputs.bigquery.connect import BigQueryError
from pipelines.outputs.bigquery.describe_tables import TURN
from pipelines.outputs.commit_run import Facts, commit_run
from pipelines.outputs.describe_run import Run
from pipelines.outputs.open_warehouse import open_warehouse
from pipelines.readers import queries, query_bigquery
from pipelines.readers.query_bigquery import Reader
from pipelines.readers.snapshot import open_snapshot
from tests.bigquery.proxy import Proxy, Request
from tests.pipelines import term
from tests.pipelines.whole_runs import run, write_lines
from transforms.derive import DeriveOptions
from transforms.options import MetricOptions

OTHER_TABLES = ("gold.dim_dates", "gold.dim_questions", "ops.dead_letters")
_DAY = term.DATES[3]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of a term, and two lines that are none."""
    folder = term.write_term(tmp_path_factory.mktemp("term"))
    bad = [b"{", b'{"event_id": "x"}']
    write_lines(folder / "clickstream" / f"date={_DAY}" / "bad.jsonl", bad)
    return folder


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Path:
    """The warehouse of the term in a folder."""
    place = tmp_path_factory.mktemp("folder")
    assert run(place, source) == 0
    return place


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files wait for their load job."""
    return tmp_path_factory.mktemp("staging")


@pytest.fixture(scope="module")
def filled(warehouse: str, source: Path, staging: Path) -> Reader:
    """The warehouse of the term in BigQuery, and how it is read."""
    assert run(warehouse, source, staging=staging) == 0
    return query_bigquery.open_reader(warehouse)


def _contents(reader: Reader) -> dict[str, list[str]]:
    """All rows with all their columns."""
    names = [table.full_name for table in compared_tables()]
    return {name: sorted(map(repr, reader.polars(name).rows())) for name in names}


def _runs(reader: Reader) -> list[str]:
    return sorted(reader.polars("ops.pipeline_runs")["run_id"])


def _by_key(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    stamps = ("processed_at", "failed_at", "failed_date")
    shown = frame.drop(column for column in stamps if column in frame.columns)
    return shown.sort(shown.columns[0])


def test_batch_gives_the_rows_of_a_folder_in_every_table(filled: Reader, folder: Path) -> None:
    local = open_snapshot(folder)
    assert differences(local, filled) == []
    for name in OTHER_TABLES:
        assert _by_key(filled.polars(name), name).equals(_by_key(local.polars(name), name)), name
    (theirs,), (ours,) = (x.polars("ops.pipeline_runs").to_dicts() for x in (local, filled))
    changing = {"run_id", "started_at", "finished_at", "table_versions", "processed_at"}
    assert {k for k in theirs if theirs[k] != ours[k]} <= changing
    assert filled.polars("silver.events").height > 100


def test_numbers_of_attempts_are_those_of_a_folder(filled: Reader, folder: Path) -> None:
    sql = (
        "SELECT event_id, attempt_number FROM silver.question_attempts "
        "ORDER BY event_id, attempt_number"
    )
    rows = open_snapshot(folder).connect(sql).sql(sql).fetchall()
    assert rows == filled.run(sql).rows()
    assert max(number for _, number in rows) > 1


def test_questions_have_the_answers_of_a_folder(filled: Reader, folder: Path) -> None:
    local, asked = open_snapshot(folder), queries.load_queries()
    connection = queries.connect(local, asked.values())
    for name, question in asked.items():
        ours = query_bigquery.run_named(filled, name, {})
        assert_frame_equal(ours, queries.answer(connection, question), check_dtypes=False)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "the query does not work"),
        ("SELECT * FROM gold.nothing", "Not found: Table"),
    ],
)
def test_a_query_that_does_not_work_is_told_in_one_line(
    filled: Reader, warehouse: str, sql: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert query.main([f"--warehouse={warehouse}", sql]) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert said in error
    assert "http" not in error


def test_the_command_line_answers_as_text(
    filled: Reader, warehouse: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert query.main([f"--warehouse={warehouse}", "--tables", "--format=csv"]) == 0
    events = filled.polars("silver.events").height
    assert f"silver.events,{events},event_date," in capsys.readouterr().out
    given = [f"--warehouse={warehouse}", "--run=headline", "--param=end_date=2025-10-22"]
    assert query.main([*given, "--format=json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_a_commit_step_that_comes_again_finds_its_run(
    filled: Reader, warehouse: str, staging: Path, quiet: Proxy
) -> None:
    row = filled.polars("ops.pipeline_runs").row(0, named=True)
    names = ("run_id", "mode", "started_at", "code_version", "options", "inputs")
    again = Run(**{name: row[name] for name in names})
    lake = open_warehouse(warehouse, str(staging))
    known = DeriveOptions(MetricOptions())
    assert commit_run(lake, str(staging), again, Facts(), known)["run_id"] == row["run_id"]
    assert not [request for request in quiet.requests if "BEGIN" in request.query]


def test_nothing_staged_is_left(filled: Reader, warehouse: str, staging: Path) -> None:
    dataset = filled.address.dataset("staged")
    assert list(filled.client.list_tables(dataset)) == []
    assert list(staging.iterdir()) == []


def test_a_rerun_changes_no_row_and_loads_by_whole_files(
    filled: Reader, warehouse: str, source: Path, staging: Path, folder: Path, quiet: Proxy
) -> None:
    assert run(warehouse, source, staging=staging) == 0
    assert differences(open_snapshot(folder), filled) == []
    assert len(_runs(filled)) == 2
    loads = [r.configuration["load"] for r in quiet.requests if "load" in r.configuration]
    assert {load["sourceFormat"] for load in loads} == {"PARQUET"}
    assert {load["writeDisposition"] for load in loads} == {"WRITE_TRUNCATE"}
    # A partition is never loaded by `table$YYYYMMDD`: rows go in together, in one transaction.
    targets = {load["destinationTable"]["tableId"] for load in loads}
    assert not any("$" in target for target in targets)
    (commit,) = [r.query for r in quiet.requests if "BEGIN TRANSACTION" in r.query]
    assert commit.rstrip().endswith("COMMIT TRANSACTION;")
    assert commit.count("DELETE FROM") >= len(compared_tables())
    assert "@@row_count = 0 THEN RAISE" in commit


def test_a_run_of_some_dates_replaces_only_these(
    filled: Reader, warehouse: str, source: Path, staging: Path, folder: Path
) -> None:
    before = filled.polars("silver.sessions")
    days = {"start_date": term.DATES[2], "end_date": term.DATES[4]}
    assert run(warehouse, source, staging=staging, **days) == 0
    assert differences(open_snapshot(folder), filled) == []
    after = filled.polars("silver.sessions")
    is_within = pl.col("session_date").is_between(*days.values())
    for frame, other in ((before, after), (after, before)):
        same = frame.join(other, frame.columns, "semi", nulls_equal=True)
        assert same.equals(frame.filter(~is_within))
    assert before.filter(is_within).height


def test_a_day_without_events_is_emptied_in_every_table(
    filled: Reader, warehouse: str, source: Path, staging: Path, tmp_path: Path
) -> None:
    empty, days = tmp_path / "empty", {"start_date": _DAY, "end_date": _DAY}
    write_lines(empty / "other.jsonl", [])
    others = filled.polars("silver.events").filter(pl.col("event_date") != _DAY).height
    assert run(warehouse, empty, staging=staging, **days) == 0
    for table in compared_tables():
        rows = filled.polars(table.full_name)
        assert rows.filter(pl.col(str(table.partition)) == _DAY).is_empty(), table.name
    assert filled.polars("silver.events").height == others
    assert run(warehouse, source, staging=staging, **days) == 0


class _Refusing:
    """A rule that refuses the load of one table, or the commit."""

    def __init__(self, reason: str, table: str = "", is_commit: bool = False) -> None:
        self.reason, self.table, self.is_commit, self.count = reason, table, is_commit, 0

    def __call__(self, request: Request) -> str | None:
        load = request.configuration.get("load", {})
        target = load.get("destinationTable", {}).get("tableId", "")
        is_hit = self.table and f"_{self.table}_" in target
        if is_hit or (self.is_commit and "BEGIN TRANSACTION" in request.query):
            self.count += 1
            return self.reason
        return None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (_Refusing("invalid", "chapter_engagement"), "cannot load gold.chapter_engagement"),
        (_Refusing("invalid", is_commit=True), "cannot commit the run"),
        (_Refusing("quotaExceeded", "video_views"), "a quota is used up"),
        (_Refusing("quotaExceeded", is_commit=True), "a quota is used up, cannot commit the run"),
    ],
)
def test_what_fails_half_way_leaves_the_old_rows(
    filled: Reader, warehouse: str, source: Path, staging: Path, quiet: Proxy,
    rule: _Refusing, said: str, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before, runs = _contents(filled), _runs(filled)
    quiet.rule = rule
    assert run(warehouse, source, staging=staging) == 1
    quiet.rule = lambda request: None
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("chapterflow: the run failed, nothing of it is visible")
    assert said in error
    assert rule.count
    assert _contents(filled) == before
    assert _runs(filled) == runs
    assert _holder(filled) is None  # nobody has to wait for it


def test_without_permission_nothing_begins(
    filled: Reader, warehouse: str, source: Path, staging: Path, quiet: Proxy,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    quiet.rule = lambda request: "accessDenied" if "/tables/" in request.path else None
    assert run(warehouse, source, staging=staging) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert error.startswith(f"chapterflow: {warehouse}: no permission to look at ")
    assert not [r for r in quiet.requests if r.method != "GET"]


def test_a_permission_that_is_missing_half_way_is_one_line_and_leaves_the_old_rows(
    filled: Reader, warehouse: str, source: Path, staging: Path, quiet: Proxy,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before, runs = _contents(filled), _runs(filled)
    quiet.rule = _Refusing("accessDenied", "video_views")
    assert run(warehouse, source, staging=staging) == 2
    quiet.rule = lambda request: None
    error = capsys.readouterr().err.strip().splitlines()[-1]
    said = "no permission to load silver.video_views, ask for the role: accessDenied by the test"
    assert error == f"chapterflow: {warehouse}: {said}"
    assert (_contents(filled), _runs(filled), _holder(filled)) == (before, runs, None)


def _holder(reader: Reader) -> str | None:
    return reader.run(f"SELECT holder FROM ops.{TURN}").item()


@pytest.fixture
def freed(filled: Reader) -> Iterator[None]:
    """As if the time of a turn had passed."""
    yield
    _change_turn(filled, "holder = NULL")


def _change_turn(reader: Reader, change: str) -> None:
    table = reader.address.table(f"ops.{TURN}")
    reader.client.query_and_wait(f"UPDATE `{table}` SET {change} WHERE TRUE")


@pytest.mark.usefixtures("freed")
def test_a_run_that_is_killed_before_its_commit_leaves_nothing_and_is_waited_for(
    filled: Reader, warehouse: str, source: Path, staging: Path, folder: Path, quiet: Proxy
) -> None:
    before, runs, reached = _contents(filled), _runs(filled), threading.Event()

    def rule(request: Request) -> str | None:
        if "BEGIN TRANSACTION" not in request.query:
            return None
        reached.set()
        time.sleep(10)  # the client is killed meanwhile; the request never gets through
        return "backendError"

    quiet.rule = rule
    command = [sys.executable, "-m", "pipelines.batch", f"--input={source}"]
    child = subprocess.Popen([*command, f"--warehouse={warehouse}", f"--staging={staging}"])
    while not reached.wait(0.1):
        assert child.poll() is None, "it ended before its commit"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    quiet.rule = lambda request: None
    assert _contents(filled) == before
    assert _runs(filled) == runs
    holder = _holder(filled)
    assert holder
    with pytest.raises(BigQueryError, match=f"run {holder} commits until"):
        turn.take_turn(filled.client, filled.address, "another", wait_seconds=0)
    _change_turn(filled, "until_at = CURRENT_TIMESTAMP()")
    assert run(warehouse, source, staging=staging) == 0
    assert differences(open_snapshot(folder), filled) == []


@pytest.mark.usefixtures("freed")
def test_of_two_runs_at_once_the_second_waits(filled: Reader, quiet: Proxy) -> None:
    client, address = filled.client, filled.address
    waits = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        turn.give_turn_back(client, address, "first")

    turn.take_turn(client, address, "first")
    quiet.requests.clear()
    turn.take_turn(client, address, "second", pause=pause)
    assert waits
    changes = [request.query for request in quiet.requests if "UPDATE" in request.query]
    # One gives it back and one takes it: a change while it waits could fail the other's commit.
    assert len(changes) == 2
    assert _holder(filled) == "second"


@pytest.mark.usefixtures("freed")
def test_a_program_waits_while_another_commits_and_says_for_whom(
    filled: Reader, warehouse: str, source: Path, staging: Path, folder: Path, tmp_path: Path
) -> None:
    before, runs, log = _contents(filled), _runs(filled), tmp_path / "log"
    turn.take_turn(filled.client, filled.address, "first")
    command = [sys.executable, "-m", "pipelines.batch", f"--input={source}"]
    with log.open("w") as said:
        command += [f"--warehouse={warehouse}", f"--staging={staging}"]
        child = subprocess.Popen(command, stderr=said)
    try:
        while "run first commits, waiting for it" not in log.read_text():
            assert child.poll() is None, log.read_text()
            time.sleep(0.1)
        assert (_contents(filled), _runs(filled)) == (before, runs)
        turn.give_turn_back(filled.client, filled.address, "first")
        assert child.wait(240) == 0, log.read_text()
    finally:
        child.kill()
        child.wait()
    assert differences(open_snapshot(folder), filled) == []
    assert len(_runs(filled)) == len(runs) + 1


@pytest.mark.usefixtures("freed")
def test_a_run_whose_turn_was_taken_does_not_commit(
    filled: Reader, warehouse: str, source: Path, staging: Path, quiet: Proxy,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = _contents(filled)

    def rule(request: Request) -> str | None:
        if "BEGIN TRANSACTION" in request.query:
            _change_turn(filled, "holder = 'another'")
        return None

    quiet.rule = rule
    assert run(warehouse, source, staging=staging) == 1
    assert "another run took the turn to commit" in capsys.readouterr().err
    assert _contents(filled) == before
    assert _holder(filled) == "another"


def test_a_commit_whose_answer_is_lost_is_found_and_not_made_twice(
    filled: Reader, warehouse: str, source: Path, staging: Path, folder: Path, quiet: Proxy
) -> None:
    lost: list[dict[str, Any]] = []

    def rule(request: Request) -> str | None:
        if "BEGIN TRANSACTION" in request.query and not lost:
            lost.append(request.sent)
            url = f"{quiet.target}{request.path}"
            assert requests.post(url, json=request.sent, timeout=300).ok
            return "backendError"
        return None

    runs = _runs(filled)
    quiet.rule = rule
    assert run(warehouse, source, staging=staging) == 0
    assert lost
    assert len(_runs(filled)) == len(runs) + 1
    assert differences(open_snapshot(folder), filled) == []
