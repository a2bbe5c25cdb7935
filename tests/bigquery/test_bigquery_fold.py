"""Do readers see a stream's rounds whole, and do the tables come to hold just what they saw?"""

import base64
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests
from google.cloud import bigquery
from polars.testing import assert_frame_equal

from pipelines import fold
from pipelines.outputs.bigquery import turn
from pipelines.outputs.bigquery.address import Address, parse
from pipelines.outputs.bigquery.changes import COMMITS, POSITION, changes_of, streamed
from pipelines.outputs.bigquery.connect import connect
from pipelines.outputs.bigquery.describe_tables import TURN
from pipelines.outputs.bigquery.warehouse import open_bigquery
from pipelines.outputs.describe_run import Run, describe_run
from pipelines.outputs.owned_dates import OwnedDatesError, refuse_owned
from pipelines.readers.query_bigquery import Reader
from schemas.tables import Table, get
from tests.bigquery.emulator import PROJECT
from tests.bigquery.proxy import Proxy, Request
from tests.bigquery.stream_history import DATES, NAMES, History, Round, Row, frame

_NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
_DML = ("INSERT", "UPDATE", "DELETE", "BEGIN")
_GEO = get("geo_daily")


@dataclass
class Stream:
    """A warehouse, and what a stream did to it."""

    address: Address
    client: bigquery.Client
    history: History

    def append(self, count: int) -> None:
        """Rounds as the history makes them up."""
        for each in self.history.append_rounds(count):
            self.append_round(each)

    def append_round(self, each: Round) -> None:
        """The changes, and the row of the round if it became whole."""
        for name, rows in each.changes.items():
            self.insert(changes_of(get(name)), rows)
        if each.is_whole:
            self.insert(COMMITS, [each.commit])

    def change(self, row: Row, epoch: int, number: int, at: datetime.datetime = _NOW) -> None:
        """A whole round with one change of `gold.geo_daily`."""
        commit = _commit(epoch, number, at)
        change = {**row, "is_deleted": False, "revision": 0}
        change |= {name: commit[name] for name in ("commit_id", "committed_at")}
        self.append_round(Round(commit, True, {"geo_daily": [change]}))

    def insert(self, table: Table, rows: list[Row]) -> None:
        """Rows as a client appends them."""
        content = [{name: _as_json(value) for name, value in row.items()} for row in rows]
        if content:
            assert not self.client.insert_rows_json(self.address.table(table.full_name), content)

    def seen(self, name: str) -> pl.DataFrame:
        """What readers see of a table."""
        return _sorted(Reader(self.address, self.client).polars(get(name).full_name))

    def stored(self, table: Table, columns: str = "*") -> pl.DataFrame:
        """What is in a table itself."""
        found = self.client.query_and_wait(
            f"SELECT {columns} FROM `{self.address.table(table.full_name)}`"
        )
        return pl.DataFrame([dict(row) for row in found], infer_schema_length=None)

    def assert_as_in_history(self) -> None:
        """What readers see is what slow Python says."""
        for name in NAMES:
            wanted = _sorted(frame(get(name), self.history.current(name)))
            assert_frame_equal(self.seen(name), wanted)

    def assert_all_is_stored(self) -> None:
        """The tables themselves hold what readers are to see."""
        for name in NAMES:
            wanted = frame(get(name), self.history.current(name))
            found = self.stored(get(name), ", ".join(wanted.columns))
            assert_frame_equal(_sorted(found.cast(wanted.schema)), _sorted(wanted))


@pytest.fixture
def stream(warehouse: str, quiet: Proxy, request: pytest.FixtureRequest) -> Stream:
    """Tables with a few rows each, and no changes."""
    address, seed = parse(warehouse), getattr(request, "param", 0)
    found = Stream(address, connect(PROJECT), History(seed, _NOW))
    tables = [COMMITS, *(t for name in NAMES for t in (get(name), changes_of(get(name))))]
    emptied = [f"DELETE FROM `{address.table(t.full_name)}` WHERE TRUE;" for t in tables]
    position, of_turn = (address.table(n) for n in (POSITION.full_name, f"ops.{TURN}"))
    found.client.query_and_wait(
        "\n".join(emptied)
        + f"UPDATE `{position}` SET folded_epoch = 0, folded_number = 0 WHERE TRUE;"
        + f"UPDATE `{of_turn}` SET holder = NULL WHERE TRUE;"
    )
    for name in NAMES:
        found.insert(get(name), found.history.stored[name])
    quiet.requests.clear()
    return found


def _commit(epoch: int, number: int, at: datetime.datetime) -> Row:
    names = {"commit_id": f"{epoch}-{number}-{at}", "run_id": "r", "committed_at": at}
    return {**names, "epoch": epoch, "number": number}


def _geo(date: datetime.date, sessions: int, region: str | None = "x") -> Row:
    row = dict.fromkeys((column.name for column in _GEO.columns), 1)
    texts = {"country_code": None, "region": region}
    return {**row, **texts, "date": date, "sessions_count": sessions, "processed_at": _NOW}


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime.date) else value


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(
        pl.concat_str(pl.all().exclude(pl.List, pl.Binary).cast(str), ignore_nulls=True)
    )


def _changing(proxy: Proxy) -> list[str]:
    """The statements that were sent to change something."""
    texts = [request.query for request in proxy.requests]
    return [text for text in texts if text.startswith(_DML)]


@pytest.mark.parametrize("stream", [1, 2], indirect=True)
def test_readers_see_what_slow_python_says_before_and_after_folds(
    stream: Stream, warehouse: str, quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        stream.append(5)
        stream.assert_as_in_history()
        assert fold.main([f"--warehouse={warehouse}"]) == 0
        stream.assert_as_in_history()
        stream.assert_all_is_stored()
        stream.history.fold()
    assert "rounds folded" in capsys.readouterr().out
    quiet.requests.clear()
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    assert capsys.readouterr().out == f"{warehouse}: nothing to fold\n"
    assert _changing(quiet) == []


def test_numbers_of_attempts_count_what_is_not_folded_yet(stream: Stream) -> None:
    stream.append(4)
    found = Reader(stream.address, stream.client).run(
        "SELECT event_id, attempt_number FROM silver.question_attempts"
    )
    answers = stream.history.current("question_attempts")
    by_question = Counter((a["student_hash"], a["quiz_id"], a["question_id"]) for a in answers)
    assert found.height == len(answers)
    assert found["attempt_number"].max() == max(by_question.values())


def test_a_fold_touches_only_the_dates_and_tables_that_changed(
    stream: Stream, warehouse: str, quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.change(_geo(DATES[0], 3), 1, 1)
    stream.change(_geo(DATES[2], 4), 1, 2)
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == ["gold.geo_daily: 2 rows put, 0 removed", f"{warehouse}: 2 rounds folded"]
    (sent,) = [text for text in _changing(quiet) if text.startswith("BEGIN")]
    assert f"WHERE `date` IN (DATE '{DATES[0]}', DATE '{DATES[2]}') AND EXISTS" in sent
    assert (sent.count("DELETE FROM"), sent.count("INSERT INTO")) == (1, 1)


def test_a_process_that_was_thought_dead_loses_and_is_never_half_seen(
    stream: Stream, warehouse: str
) -> None:
    def sessions(region: str) -> list[int]:
        return (
            stream.seen("geo_daily").filter(pl.col("region") == region)["sessions_count"].to_list()
        )

    stream.change(_geo(DATES[0], 20, "p"), 2, 1)
    stream.change(_geo(DATES[0], 10, "p"), 1, 9)
    assert sessions("p") == [20]
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    stream.change(_geo(DATES[0], 11, "p"), 1, 10)
    stream.change(_geo(DATES[0], 11, "q"), 1, 11)
    assert (sessions("p"), sessions("q")) == ([20], [])
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    assert (sessions("p"), sessions("q")) == ([20], [])


def test_a_round_that_ends_while_others_are_folded_is_not_lost(
    stream: Stream, warehouse: str, quiet: Proxy
) -> None:
    stream.change(_geo(DATES[0], 20), 2, 1)
    late = iter([_geo(DATES[1], 21)])

    def rule(request: Request) -> str | None:
        if request.query.startswith("BEGIN"):
            for row in late:
                stream.change(row, 1, 9)
        return None

    quiet.rule = rule
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    dates = stream.stored(_GEO, "date, sessions_count").rows()
    assert {(DATES[0], 20), (DATES[1], 21)} <= set(dates)


def test_a_fold_whose_answer_is_lost_is_found_and_not_made_twice(
    stream: Stream, warehouse: str, quiet: Proxy
) -> None:
    lost: list[Request] = []

    def rule(request: Request) -> str | None:
        if request.query.startswith("BEGIN") and not lost:
            lost.append(request)
            url = f"{quiet.target}{request.path}"
            assert requests.post(url, json=request.sent, timeout=300).ok
            return "backendError"
        return None

    stream.append(3)
    quiet.rule = rule
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    assert lost
    stream.assert_all_is_stored()


def test_a_fold_that_is_killed_leaves_nothing_and_the_next_does_it(
    stream: Stream, warehouse: str, quiet: Proxy
) -> None:
    stream.append(3)
    reached = threading.Event()

    def rule(request: Request) -> str | None:
        if not request.query.startswith("BEGIN"):
            return None
        reached.set()
        time.sleep(3)  # the client is killed meanwhile; the request never gets through
        return "backendError"

    quiet.rule = rule
    child = subprocess.Popen([sys.executable, "-m", "pipelines.fold", f"--warehouse={warehouse}"])
    while not reached.wait(0.1):
        assert child.poll() is None, "it ended before its transaction"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    quiet.rule = lambda request: None
    stream.assert_as_in_history()
    _change_turn(stream, "until_at = CURRENT_TIMESTAMP()")
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    stream.assert_all_is_stored()


def _change_turn(stream: Stream, change: str) -> None:
    table = stream.address.table(f"ops.{TURN}")
    stream.client.query_and_wait(f"UPDATE `{table}` SET {change} WHERE TRUE")


def test_of_two_folds_at_once_the_second_has_nothing_to_do(
    stream: Stream, warehouse: str, quiet: Proxy, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(turn, "_PAUSE_SECONDS", 0.2)
    stream.change(_geo(DATES[0], 3), 1, 1)
    codes, is_waiting = list[int](), threading.Event()
    second = threading.Thread(target=lambda: codes.append(fold.main([f"--warehouse={warehouse}"])))

    def rule(request: Request) -> str | None:
        if request.query.startswith("BEGIN") and not second.is_alive():
            second.start()
            assert is_waiting.wait(60)
        elif "AS is_free" in request.query and second.is_alive():
            is_waiting.set()
        return None

    quiet.rule = rule
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    second.join()
    assert codes == [0]
    assert len([text for text in _changing(quiet) if text.startswith("BEGIN")]) == 1
    out = capsys.readouterr().out
    assert (out.count("1 rounds folded"), out.count("nothing to fold")) == (1, 1)


def test_a_fold_that_is_refused_changes_nothing_and_nobody_waits_for_it(
    stream: Stream, warehouse: str, quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.append(3)
    quiet.rule = lambda r: "invalid" if r.query.startswith("BEGIN") else None
    assert fold.main([f"--warehouse={warehouse}"]) == 1
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert "cannot fold the changes of the stream into the tables" in error
    quiet.rule = lambda request: None
    stream.assert_as_in_history()
    assert stream.client.query_and_wait(
        f"SELECT holder FROM `{stream.address.table(f'ops.{TURN}')}`"
    ).to_arrow(create_bqstorage_client=False).to_pylist() == [{"holder": None}]


@pytest.fixture
def run() -> Run:
    """A batch run of one date."""
    return Run("batch-1", "batch", _NOW, "1", "{}", "[]", dates=(DATES[0], DATES[0]))


def test_a_batch_folds_first_so_that_its_dates_are_its_own(
    stream: Stream, run: Run, tmp_path: Path
) -> None:
    stream.change(_geo(DATES[0], 3), 1, 1)
    stream.change(_geo(DATES[1], 4), 1, 2)
    there = open_bigquery(stream.address, str(tmp_path))
    with there.turn(run.run_id):
        rows = there.read("geo_daily", [DATES[0]])
        assert 3 in rows["sessions_count"]
        new = rows.filter(pl.col("sessions_count") == 3).with_columns(sessions_count=pl.lit(30))
        files = there.write("geo_daily", new)
        there.replace_dates("geo_daily", files, [DATES[0]], run.run_id)
        there.complete(describe_run(run, Counter(), {}, "completed"))
    found = stream.seen("geo_daily").filter(pl.col("date") == DATES[0])
    assert found["sessions_count"].to_list() == [30]
    stored = stream.stored(_GEO, "date, sessions_count").rows()
    assert (DATES[1], 4) in stored
    assert (DATES[0], 3) not in stored
    # The stream goes on, also with a row that the batch has replaced.
    stream.change(_geo(DATES[0], 31), 1, 3)
    found = stream.seen("geo_daily").filter(pl.col("date") == DATES[0])
    assert found["sessions_count"].to_list() == [31]


def test_dates_of_a_stream_are_refused_though_its_row_is_not_folded(
    stream: Stream, tmp_path: Path
) -> None:
    run = Run("stream-1", "streaming", _NOW, "1", "{}", "topic")
    (row,) = describe_run(run, Counter(), {}, "running", DATES[1]).to_dicts()
    commit = _commit(1, 1, _NOW)
    names = ("commit_id", "committed_at")
    change = {**row, "is_deleted": False, "revision": 0} | {name: commit[name] for name in names}
    stream.append_round(Round(commit, True, {"pipeline_runs": [change]}))
    there = open_bigquery(stream.address, str(tmp_path))
    refuse_owned(there, [DATES[0]])
    with pytest.raises(OwnedDatesError, match="the stream stream-1 "):
        refuse_owned(there, [DATES[2]])


def test_changes_that_are_in_the_tables_for_a_day_are_deleted_and_no_others(
    stream: Stream, warehouse: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, older = (_NOW - datetime.timedelta(days=n) for n in (3, 9))
    for number, at in enumerate((old, _NOW), 1):
        stream.change(_geo(DATES[0], number), 1, number, at)
    halves = {
        at: {**_geo(DATES[0], 9), "is_deleted": False, "revision": 0, "commit_id": "half"}
        for at in (old, older)
    }
    rows = [{**row, "committed_at": at} for at, row in halves.items()]
    stream.insert(changes_of(_GEO), rows)
    for words in ("2 rounds folded", "old changes deleted"):
        assert fold.main([f"--warehouse={warehouse}"]) == 0
        assert words in capsys.readouterr().out
    kept = stream.stored(changes_of(_GEO), "sessions_count, committed_at").rows()
    assert sorted(kept) == [(2, _NOW), (9, old)]
    assert stream.stored(COMMITS, "number")["number"].to_list() == [2]
    stream.change(_geo(DATES[0], 3), 1, 3, old)  # the clock of its machine is wrong
    assert fold.main([f"--warehouse={warehouse}"]) == 0
    assert (DATES[0], 3) in stream.stored(_GEO, "date, sessions_count").rows()


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["--warehouse=somewhere"], 2, "somewhere is no BigQuery address"),
        ([f"--warehouse=bq://{PROJECT}.nothing"], 2, "python -m pipelines.provision"),
        ([f"--warehouse=bq://{PROJECT}.nothing", "--fast"], 2, "unrecognized arguments: --fast"),
    ],
)
@pytest.mark.usefixtures("quiet")
def test_wrong_options_and_missing_warehouses_are_told_in_one_line(
    given: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fold.main(given) == code
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert said in error


def test_the_tables_in_this_file_are_of_a_stream() -> None:
    assert {*NAMES, "pipeline_runs"} <= {table.name for table in streamed()}
