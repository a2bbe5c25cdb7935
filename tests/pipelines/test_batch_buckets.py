"""Does the warehouse work in a bucket, s3:// or gs://, as it does in a folder?"""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from pyarrow.fs import FileSelector

from benchmarks.simulate import simulate
from pipelines import check, maintain, query, rollup
from pipelines.outputs import recover
from pipelines.outputs.raw_zone import KeepRaw
from pipelines.storage import locate
from tests.pipelines import gcs_server
from tests.pipelines.stream_lake import changes, commits, event, event_ids, facts, stream_run
from tests.pipelines.whole_runs import completed, contents, page_view, run, write_lines

pytestmark = [pytest.mark.usefixtures("pseudonym_key"), pytest.mark.slow]
ONLY_S3 = pytest.mark.parametrize("bucket", ["s3"], indirect=True)
"""For what `tests/pipelines/test_gcs.py` asks of gs://, or what is nothing of the storage's."""


@pytest.fixture(scope="module", params=["s3", "gs"])
def bucket(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An empty bucket of a server of this test's own."""
    folder = tmp_path_factory.mktemp("server")
    is_google = request.param == "gs"
    with gcs_server.keeping(folder / "objects", folder) if is_google else _s3() as name:
        yield name


@contextlib.contextmanager
def _s3() -> Iterator[str]:
    port = _free_port()
    # A process of its own: some calls of deltalake hold Python's lock while they wait for it.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    settings = {"ENDPOINT_URL": f"http://127.0.0.1:{port}", "ALLOW_HTTP": "true",
                "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test",
                "REGION": "us-east-1"}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"AWS_{name}", value)
        try:
            _create_bucket(port)
            yield "s3://school"
        finally:
            server.terminate()
            server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _create_bucket(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end, "moto does not start"
            time.sleep(0.1)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/school", method="PUT")
    urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = simulate(students=8, days=2, bad=0.02, duplicates=0.03).records
    return write_lines(tmp_path_factory.mktemp("in") / "events.jsonl", lines)


def test_bucket_gets_the_rows_that_a_folder_gets(bucket: str, source: Path, tmp_path: Path) -> None:
    warehouse = f"{bucket}/first"
    completed(tmp_path, source)
    completed(warehouse, source, workers=2)
    assert contents(warehouse) == contents(tmp_path)
    filesystem, root = locate(warehouse)
    found = filesystem.get_file_info(FileSelector(root, recursive=True))
    assert not [file.path for file in found if "_staging/" in file.path]


def test_warehouse_in_a_bucket_is_queried_maintained_and_run_again(
    bucket: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = f"{bucket}/second"
    completed(warehouse, source)
    before = contents(warehouse)
    arguments = [f"--warehouse={warehouse}", "--retention_hours=0"]
    assert maintain.main(arguments) == 0
    assert contents(warehouse) == before
    completed(warehouse, source)
    assert contents(warehouse) == before
    capsys.readouterr()
    sql = "SELECT count(*) AS n FROM silver.events"
    assert query.main([f"--warehouse={warehouse}", sql, "--format=csv"]) == 0
    assert capsys.readouterr().out == f"n\n{len(before['silver.events'])}\n"


@ONLY_S3
def test_range_tables_in_a_bucket_are_those_of_a_folder(
    bucket: str, source: Path, tmp_path: Path
) -> None:
    tables = ["gold.chapter_engagement_summary", "gold.cohort_retention"]
    for warehouse in (f"{bucket}/ranges", str(tmp_path)):
        completed(warehouse, source)
        assert rollup.main([f"--warehouse={warehouse}"]) == 0
        assert check.main([f"--warehouse={warehouse}"]) == 0
    found = contents(f"{bucket}/ranges", tables)
    assert found == contents(tmp_path, tables)
    assert all(found.values())


@ONLY_S3
def test_bucket_that_there_is_not_is_one_line(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view()])
    assert run(f"{bucket}-nowhere/w", source) in (1, 2)
    shown = capfd.readouterr().err
    lines = [line for line in shown.splitlines() if line.startswith("chapterflow: ")]
    assert len(lines) == 1
    assert f"{bucket}-nowhere" in lines[0] or "NoSuchBucket" in lines[0]


def test_half_a_run_in_a_bucket_is_undone_once_it_is_surely_dead(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = f"{bucket}/fourth"
    days = [page_view(0), page_view(1500)]
    completed(warehouse, write_lines(tmp_path / "a.jsonl", days))
    before = contents(warehouse)
    more = write_lines(tmp_path / "b.jsonl", [*days, page_view(5)])
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.outputs.commit_run._commit_anomalies", _die)
        assert run(warehouse, more) == 1
    later = time.time() + 2 * recover.SURELY_DEAD.total_seconds()
    monkeypatch.setattr("pipelines.outputs.recover.time.time", lambda: later)
    completed(warehouse, tmp_path / "a.jsonl", start_date="2025-11-17", end_date="2025-11-17")
    assert contents(warehouse) == before


def test_stream_keeps_tables_in_a_bucket_and_takes_back_half_a_round(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, started = f"{bucket}/stream", stream_run()
    stream = commits(warehouse, started)
    stream.commit({"events": changes("events", event("a"), event("b", 1))}, facts())
    half = {"events": changes("events", event("b", 1, is_deleted=True, revision=2))}
    with monkeypatch.context() as patched:
        patched.setattr(type(stream), "_write_row", _die)
        with pytest.raises(RuntimeError, match="died"):
            stream.commit(half, facts(2))
    assert event_ids(warehouse) == ["a", "b"]
    again = commits(warehouse, started)
    again.commit({}, None)
    assert event_ids(warehouse) == ["a", "b"]
    again.commit(half, facts(2))
    assert event_ids(warehouse) == ["a"]


@ONLY_S3
def test_raw_zone_in_a_bucket_is_read_by_the_batch(bucket: str, tmp_path: Path) -> None:
    receipt = {"received_at": "2025-11-16T00:10:00Z", "topic": "t", "partition": 0}
    lines = [
        json.dumps(receipt | {"offset": n, "record": json.dumps(page_view(n))}) for n in range(9)
    ]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = (
            pipeline
            | beam.Create([(line.encode(), 0) for line in lines])
            | KeepRaw(f"{bucket}/raw")
        )
    row = completed(tmp_path, f"{bucket}/raw/t/date=2025-11-16/hour=00")
    assert row["events"] == 9


def _die(*_: object) -> None:
    raise RuntimeError("died")
