"""Do a stream and batch runs on one warehouse leave each other's rows alone?"""

import dataclasses
import datetime
from pathlib import Path

import pytest

from pipelines.batch import main as batch
from pipelines.end_stream import main as end_streams
from pipelines.outputs.lake import Lake
from pipelines.outputs.owned_dates import running_streams
from pipelines.outputs.register_stream import end_stream, register_stream
from pipelines.query import main as query
from schemas import tables
from tests.pipelines.killing import kill, start
from tests.pipelines.stream_lake import (
    DAY,
    RETENTION,
    changes,
    commits,
    event,
    event_ids,
    facts,
    seen,
    stream_run,
)
from tests.pipelines.whole_runs import completed, page_view, run, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
FIRST = datetime.date(2025, 11, 16)
"""The day of `page_view(0)`; `page_view(1440)` is on the next."""
LATER = FIRST + datetime.timedelta(days=1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Events of two days."""
    return write_lines(tmp_path / "in.jsonl", [page_view(0), page_view(1440)])


def _stream(warehouse: Path, owned_from: datetime.date, run_id: str = "") -> Lake:
    lake = Lake(str(warehouse))
    register_stream(lake, stream_run(run_id), owned_from)
    return lake


def test_registered_stream_is_running_until_it_ends(tmp_path: Path) -> None:
    lake = _stream(tmp_path, LATER, "20260301T080000-00000001")
    (stream,) = running_streams(lake)
    assert (stream.run_id, stream.owned_from_date) == ("20260301T080000-00000001", LATER)
    assert stream.inputs == '["kafka:clicks"]'
    end_stream(lake, stream.run_id, "completed")
    assert running_streams(lake) == []


def test_stream_that_starts_again_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    lake = _stream(tmp_path, LATER, "20260301T080000-00000001")
    register_stream(lake, stream_run(inputs='["kafka:other"]'), LATER)
    _stream(tmp_path, LATER, "20260301T080000-00000002")
    running = {stream.run_id for stream in running_streams(lake)}
    assert len(running) == 2
    assert "20260301T080000-00000001" not in running


def test_stream_owns_what_late_events_can_change() -> None:
    watermark = datetime.datetime(2026, 3, 9, 12, tzinfo=datetime.UTC)
    milliseconds = int(watermark.timestamp() * 1000)
    assert RETENTION.owned_from(milliseconds) == datetime.date(2026, 3, 6)


def test_batch_refuses_dates_given_that_a_stream_owns(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture
) -> None:
    _stream(tmp_path / "w", LATER)
    assert run(tmp_path / "w", source, start_date=FIRST, end_date=LATER) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert str(LATER) in message
    assert str(FIRST) not in message
    assert "kafka:clicks" in message
    assert "--force" in message


def test_a_stopped_stream_owns_its_dates_until_it_is_ended(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture
) -> None:
    lake = _stream(tmp_path / "w", LATER)
    (stream,) = running_streams(lake)
    end_stream(lake, stream.run_id, "stopped")
    assert run(tmp_path / "w", source) == 2
    assert end_streams([f"--warehouse={tmp_path / 'w'}"]) == 0
    assert stream.run_id in capsys.readouterr().out
    completed(tmp_path / "w", source)
    assert end_streams([f"--warehouse={tmp_path / 'w'}"]) == 2
    assert "no such stream is registered" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_batch_refuses_dates_found_out_before_it_commits_anything(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture, workers: int
) -> None:
    lake = _stream(tmp_path / "w", LATER)
    before = lake.versions()
    assert run(tmp_path / "w", source, workers=workers) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("chapterflow: the stream 2026")
    assert message.endswith("if it is gone")
    assert lake.versions() == before


def test_batch_writes_dates_that_no_stream_owns(tmp_path: Path, source: Path) -> None:
    _stream(tmp_path / "w", LATER)
    completed(tmp_path / "w", source, start_date=FIRST, end_date=FIRST)
    assert event_ids(tmp_path / "w") == ["e0"]


@pytest.mark.parametrize("dates", [{}, {"start_date": FIRST, "end_date": LATER}])
def test_batch_with_force_writes_them_all_the_same(
    tmp_path: Path, source: Path, dates: dict[str, datetime.date]
) -> None:
    _stream(tmp_path / "w", FIRST)
    flags = [f"--{name}={date}" for name, date in dates.items()]
    assert batch([f"--input={source}", f"--warehouse={tmp_path / 'w'}", "--force", *flags]) == 0
    assert event_ids(tmp_path / "w") == ["e0", "e1440"]


def test_batch_and_stream_by_turns_see_and_keep_each_others_rows(
    tmp_path: Path, source: Path
) -> None:
    warehouse = tmp_path / "w"
    stream = commits(warehouse)
    stream.commit({"events": changes("events", event("s1"))}, facts())
    completed(warehouse, source, start_date=FIRST, end_date=FIRST)
    assert event_ids(warehouse) == ["e0", "s1"]
    stream.commit({"events": changes("events", event("s2", 1))}, facts(2))
    assert event_ids(warehouse) == ["e0", "s1", "s2"]
    completed(warehouse, source, start_date=LATER, end_date=LATER)
    assert event_ids(warehouse) == ["e0", "e1440", "s1", "s2"]
    stream.commit({"events": changes("events", event("s1", is_deleted=True, revision=2))}, None)
    assert event_ids(warehouse) == ["e0", "e1440", "s2"]


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_rows_of_a_stream_that_ended_stay(tmp_path: Path, source: Path, status: str) -> None:
    warehouse, started = tmp_path / "w", stream_run()
    completed(warehouse, source, start_date=FIRST, end_date=FIRST)
    commits(warehouse, started).commit({"events": changes("events", event("s1"))}, facts())
    end_stream(Lake(str(warehouse)), started.run_id, status)
    assert event_ids(warehouse) == ["e0", "s1"]
    completed(warehouse, source, start_date=LATER, end_date=LATER)
    assert event_ids(warehouse) == ["e0", "e1440", "s1"]


def test_batch_takes_back_half_a_round_of_a_stream_that_died(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, started = tmp_path / "w", stream_run()
    stream = commits(warehouse, started)
    stream.commit({"events": changes("events", event("s1"))}, facts())
    half = {"events": changes("events", event("s2", 1))}
    with monkeypatch.context() as patch:
        patch.setattr(type(stream), "_write_row", lambda *_: (_ for _ in ()).throw(OSError("dead")))
        with pytest.raises(Exception, match="dead"):
            stream.commit(half, facts(2))
    completed(warehouse, source, start_date=FIRST, end_date=FIRST)
    assert event_ids(warehouse) == ["e0", "s1"]
    commits(warehouse, started).commit(half, facts(2))
    assert event_ids(warehouse) == ["e0", "s1", "s2"]


def test_stream_takes_back_half_of_a_batch_run_that_died(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "w"
    stream = commits(warehouse)
    stream.commit({"events": changes("events", event("s1"))}, facts())
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", lambda *_: (_ for _ in ()).throw(OSError("dead")))
        assert run(warehouse, source, start_date=FIRST, end_date=FIRST) == 1
    assert Lake(str(warehouse)).read("events").height == 2
    stream.commit({"events": changes("events", event("s2", 1))}, facts(2))
    assert event_ids(warehouse) == ["s1", "s2"]


def test_column_of_owned_dates_is_added_to_an_older_warehouse(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = tables.get("pipeline_runs")
    older = tuple(column for column in described.columns if column.name != "owned_from_date")
    with monkeypatch.context() as patch:
        without = dataclasses.replace(described, columns=older)
        patch.setitem(tables.tables(), "pipeline_runs", without)
        Lake(str(tmp_path / "w")).create_tables()
    completed(tmp_path / "w", source)
    sql = "SELECT owned_from_date FROM ops.pipeline_runs"
    assert query([f"--warehouse={tmp_path / 'w'}", sql]) == 0


def test_batch_runs_beside_a_stream_and_both_are_whole(tmp_path: Path, source: Path) -> None:
    warehouse = tmp_path / "w"
    stream = commits(warehouse)
    dates = (f"--start_date={FIRST}", f"--end_date={LATER}")
    process, rounds = start(warehouse, source, *dates), 0
    try:
        while process.poll() is None and rounds < 2000:
            rows = changes("events", event(f"s{rounds}", rounds % 60))
            stats = changes("session_daily_stats", {"date": DAY, "student_hash": f"s{rounds}"})
            stream.commit({"events": rows, "session_daily_stats": stats}, facts(rounds))
            rounds += 1
            of_stream = [name for name in event_ids(warehouse) if name.startswith("s")]
            assert len(of_stream) == rounds
            shown = seen(warehouse, "gold.session_daily_stats")
            assert sum(row["date"] == DAY for row in shown) == rounds
    finally:
        kill(process)
    assert process.returncode == 0
    assert rounds > 3
    assert {"e0", "e1440"} <= set(event_ids(warehouse))
