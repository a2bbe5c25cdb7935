"""Can somebody outside see how a pipeline is doing?"""

import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.observability import health, observe
from pipelines.observability.health import Health, keep_health, write_health
from pipelines.observability.metrics_table import METRICS, render
from tests.docs.read_docs import ROOT
from tests.in_memory import run
from tests.transforms.busy_school import clicks


@pytest.fixture
def address() -> Iterator[str]:
    yield f"http://127.0.0.1:{observe.serve(0)}"
    observe.stop_serving()


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _value(address: str, name: str) -> float:
    lines = _get(f"{address}/metrics")[1].splitlines()
    return next((float(s.rpartition(" ")[2]) for s in lines if s.startswith(f"{name} ")), 0.0)


def test_what_was_told_is_served(address: str) -> None:
    before = _value(address, "chapterflow_late_total")
    observe.count("late", 3)
    observe.gauge("lag_seconds", 1.5)
    observe.observe("commit_seconds", 0.2, table="sessions")
    observe.count("rows_retracted", 2, table="sessions")
    assert _value(address, "chapterflow_late_total") == before + 3
    assert _value(address, "chapterflow_lag_seconds") == 1.5
    text = _get(f"{address}/metrics")[1]
    assert 'chapterflow_commit_seconds_bucket{le="0.25",table="sessions"}' in text
    assert 'chapterflow_rows_retracted_total{table="sessions"}' in text
    assert "python_gc" not in text


def test_only_declared_metrics_exist() -> None:
    for wrong in ("nonsense", "lag_seconds", "commit_seconds"):
        with pytest.raises(ValueError, match=wrong):
            observe.count(wrong)
    with pytest.raises(ValueError, match="labels"):
        observe.count("rows_upserted")
    with pytest.raises(ValueError, match="labels"):
        observe.count("late", 1, table="x")


def test_counts_of_every_outcome_can_be_told(address: str) -> None:
    name = 'chapterflow_dead_letters_total{reason="not_json"}'
    before = _value(address, name)
    counts = run([*clicks(range(3), 0), b"x"]).counts
    for outcome in (*counts, "late", "dropped"):
        observe.count_outcome(outcome, counts[outcome])
    assert _value(address, name) == before + 1


def test_corrections_lower_a_sum(address: str) -> None:
    observe.count("sessions", 2)
    before = _value(address, "chapterflow_sessions")
    observe.count("sessions", -1)
    assert _value(address, "chapterflow_sessions") == before - 1


def test_many_threads_lose_no_count(address: str) -> None:
    before = _value(address, "chapterflow_bundles_total")
    tell = [observe.count] * 8
    threads = [
        threading.Thread(target=lambda t=t: [t("bundles") for _ in range(500)]) for t in tell
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert _value(address, "chapterflow_bundles_total") == before + 4000


def test_a_process_serves_once(address: str) -> None:
    assert address.endswith(f":{observe.serve(0)}")
    assert _get(f"{address}/nothing")[0] == 404


def test_taken_port_is_told_and_the_pipeline_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken, caplog.at_level(logging.WARNING, "chapterflow.observe"):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert observe.serve(taken.getsockname()[1]) is None
    assert "choose another" in caplog.text


class _Clock:
    now = 1_772_359_200.0

    def __call__(self) -> float:
        return self.now


def test_events_that_are_not_committed_make_it_stale(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    watched = Health(clock)
    monkeypatch.setattr(observe, "HEALTH", watched)
    assert _get(f"{address}/health")[0] == 200
    watched.note_read(lag_seconds=0.5)
    clock.now += 130
    watched.note_read(lag_seconds=0.7)
    status, text = _get(f"{address}/health")
    assert (status, json.loads(text)["status"]) == (503, "stale")
    watched.note_commit()
    status, text = _get(f"{address}/health")
    assert (status, json.loads(text)["lag_seconds"]) == (200, 0.7)
    assert json.loads(text)["last_commit_at"] == "2026-03-01T10:02:10.000Z"


def test_empty_topic_is_well_as_long_as_the_source_answers() -> None:
    clock = _Clock()
    watched = Health(clock)
    for _ in range(5):
        watched.note_source()
        clock.now += 100
    assert watched.read()["status"] == "ok"
    clock.now += 100
    assert "no answer from the source" in watched.read()["reason"]


def test_silence_of_a_source_that_never_told_is_no_fault() -> None:
    clock = _Clock()
    watched = Health(clock)
    watched.note_read()
    watched.note_commit()
    clock.now += 3600
    assert watched.read()["status"] == "ok"


def test_reading_and_committing_in_turn_is_well() -> None:
    clock = _Clock()
    watched = Health(clock)
    for _ in range(10):
        watched.note_read()
        clock.now += 60
        watched.note_commit()
    assert watched.read()["status"] == "ok"


def test_health_file_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    write_health(path, Health(_Clock()))
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            write_health(path, Health(_Clock()))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        read = {json.loads(path.read_text("utf-8"))["status"] for _ in range(300)}
    finally:
        done.set()
        thread.join(10)
    assert read == {"ok"}
    assert [p.name for p in tmp_path.iterdir()] == ["health.json"]


def test_health_file_is_kept_until_told_to_end(tmp_path: Path) -> None:
    path, waiting = tmp_path / "health.json", threading.Event()
    end = keep_health(path, every_seconds=0.05)
    try:
        for _ in range(100):
            if path.exists():
                break
            waiting.wait(0.05)
        assert json.loads(path.read_text("utf-8"))["started_at"]
    finally:
        end()
    assert health.HEALTH.read()["status"] in {"ok", "stale"}


def test_metrics_are_documented_as_they_are() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert render() in text
    assert len({metric.name for metric in METRICS}) == len(METRICS)
