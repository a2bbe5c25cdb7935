"""Do dead letters come back after a fix, once, and without harm to what is there?"""

import json
from pathlib import Path

import pytest

from pipelines import replay_dead_letters
from tests.pipelines.whole_runs import completed, contents, last_run, read, run

AHEAD = "2025-11-16T10:10:00Z"
"""Ten minutes after its receipt: too far in the future, unless an option allows an hour."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", "test-key")


def _envelope(event_id: str, timestamp: str, offset: int) -> str:
    event = {"event_id": event_id, "student_id": "s1", "timestamp": timestamp}
    record = json.dumps({**event, "event_type": "page_view"})
    received = {"received_at": "2025-11-16T10:00:00Z", "topic": "clicks", "partition": 0}
    return json.dumps({**received, "offset": offset, "record": record})


def _events(folder: Path) -> Path:
    folder.mkdir()
    lines = [_envelope("now", "2025-11-16T10:00:00Z", 1), _envelope("ahead", AHEAD, 2), "rubbish"]
    (folder / "events.jsonl").write_text("\n".join(lines))
    return folder


def _replay(warehouse: Path, **options: object) -> int:
    flags = [f"--{name}={value}" for name, value in options.items()]
    return replay_dead_letters.main([f"--warehouse={warehouse}", *flags])


def test_a_letter_that_can_be_used_now_joins_its_session_and_is_marked(tmp_path: Path) -> None:
    source, warehouse = _events(tmp_path / "in"), tmp_path / "lake"
    assert completed(warehouse, source)["dead_letters"] == 2
    assert _replay(warehouse, max_future_seconds=3600) == 0
    (session,) = read(warehouse, "silver.sessions")
    assert (session["event_count"], session["session_duration_seconds"]) == (2, 600.0)
    letters = {row["reason"]: row["is_replayed"] for row in read(warehouse, "ops.dead_letters")}
    assert letters == {"in_the_future": True, "not_json": False}
    assert last_run(warehouse)["mode"] == "replay"


def test_a_replay_gives_the_rows_of_a_run_with_the_fix(tmp_path: Path) -> None:
    source = _events(tmp_path / "in")
    completed(tmp_path / "replayed", source)
    _replay(tmp_path / "replayed", max_future_seconds=3600)
    completed(tmp_path / "fixed", source, max_future_seconds=3600)
    assert contents(tmp_path / "replayed") == contents(tmp_path / "fixed")


def test_a_second_replay_finds_nothing_to_do(tmp_path: Path) -> None:
    source, warehouse = _events(tmp_path / "in"), tmp_path / "lake"
    completed(warehouse, source)
    _replay(warehouse, max_future_seconds=3600)
    before, run_id = contents(warehouse), last_run(warehouse)["run_id"]
    assert _replay(warehouse, max_future_seconds=3600) == 0
    assert contents(warehouse) == before
    assert last_run(warehouse)["run_id"] == run_id


def test_a_letter_comes_back_although_its_file_no_longer_holds_it(tmp_path: Path) -> None:
    source, warehouse = _events(tmp_path / "in"), tmp_path / "lake"
    completed(warehouse, source)
    (source / "events.jsonl").write_text(_envelope("now", "2025-11-16T10:00:00Z", 1))
    assert _replay(warehouse, max_future_seconds=3600) == 0
    assert {row["event_id"] for row in read(warehouse, "silver.events")} == {"now", "ahead"}


def test_a_replay_without_the_other_events_of_its_dates_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, warehouse = _events(tmp_path / "in"), tmp_path / "lake"
    more = tmp_path / "more"
    more.mkdir()
    lines = [_envelope(f"e{n}", "2025-11-16T09:00:00Z", n) for n in range(5)]
    (more / "events.jsonl").write_text("\n".join(lines))
    completed(warehouse, source, more)
    before = contents(warehouse)
    assert _replay(warehouse, input=source, max_future_seconds=3600) == 1
    assert "--input" in capsys.readouterr().err
    assert contents(warehouse) == before


def test_letters_of_one_reason_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, warehouse = _events(tmp_path / "in"), tmp_path / "lake"
    run(warehouse, source)
    assert _replay(warehouse, reason="not_json", max_future_seconds=3600) == 0
    assert "1 dead letters, 0 of them" in capsys.readouterr().out


def test_a_missing_warehouse_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _replay(tmp_path / "none") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
