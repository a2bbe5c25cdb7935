"""Do input, staging and the raw zone work in Google Cloud Storage as they do in a folder?"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.io.filesystems import FileSystems

from benchmarks.simulate import simulate
from pipelines import storage
from pipelines.inputs.streams.kafka_client import read_properties
from pipelines.outputs.raw_zone import KeepRaw, UnwritableRawZoneError, _Write
from tests.pipelines import gcs_emulator
from tests.pipelines.gcs_emulator import names, put
from tests.pipelines.killing import ROOT
from tests.pipelines.secret_server import serving
from tests.pipelines.whole_runs import completed, contents, page_view, run, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
RECEIPT = {"received_at": "2025-11-16T00:10:00Z", "topic": "t", "partition": 0}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty bucket of an emulator of this test's own."""
    with gcs_emulator.serving(tmp_path_factory.mktemp("gcs")) as name:
        yield name


def test_batch_gives_the_rows_of_local_files(bucket: str, tmp_path: Path) -> None:
    records = simulate(students=8, days=2, bad=0.02, duplicates=0.03).records
    for part in range(3):
        file = write_lines(tmp_path / "in" / f"{part}.jsonl", records[part::3])
        put(f"{bucket}/rows/{part}.jsonl", file.read_bytes())
    put(f"{bucket}/rows/notes.txt", b"not to be read")
    put(f"{bucket}/rows/_hidden.jsonl", b"{}\n")
    completed(tmp_path / "local", tmp_path / "in" / "*.jsonl")
    completed(tmp_path / "gs", f"{bucket}/rows/*.jsonl", staging=f"{bucket}/staging", workers=2)
    assert contents(tmp_path / "gs") == contents(tmp_path / "local")
    assert names(f"{bucket}/staging") == []


def test_only_folders_of_the_dates_are_read(bucket: str, tmp_path: Path) -> None:
    for day in (10, 16, 17, 28):
        event = page_view(event_id=f"d{day}", timestamp=f"2025-11-{day}T10:00:00Z")
        put(f"{bucket}/dated/t/date=2025-11-{day}/hour=10/a.jsonl", json.dumps(event).encode())
    dates = {"start_date": "2025-11-16", "end_date": "2025-11-17"}
    for warehouse, pattern in (("a", "dated"), ("b", "dated/**/*.jsonl"), ("c", "dated/*/date=*")):
        row = completed(tmp_path / warehouse, f"{bucket}/{pattern}", **dates)
        assert (row["records_read"], row["events"]) == (2, 2), pattern


def test_catalogue_and_rules_come_from_a_bucket(bucket: str, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view(n) for n in range(3)])
    put(f"{bucket}/known/catalog.csv", b"course_id,chapter_id,course_title\nc,1,Sums\n")
    put(f"{bucket}/known/rules.yaml", b'- {field: event_id, regex: "^e0$"}\n')
    row = completed(
        tmp_path / "w", source,
        catalog=f"{bucket}/known/catalog.csv", exclusion_file=f"{bucket}/known/rules.yaml",
    )  # fmt: skip
    assert (row["events"], row["excluded"]) == (2, 1)


def test_catalogue_that_a_bucket_does_not_hold_is_one_line(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view()])
    assert run(tmp_path / "w", source, catalog=f"{bucket}/known/none.csv") == 2
    line = _complaint(capfd)
    assert "none.csv" in line
    assert "--catalog" in line


def test_raw_zone_is_read_back_by_the_batch(bucket: str, tmp_path: Path) -> None:
    lines = [
        json.dumps(RECEIPT | {"offset": n, "record": json.dumps(page_view(n))}) for n in range(9)
    ]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        elements = [(line.encode(), 0) for line in lines]
        _ = pipeline | beam.Create(elements) | KeepRaw(f"{bucket}/raw", file_bytes=300)
    kept = names(f"{bucket}/raw")
    assert kept
    assert all(name.startswith(f"{bucket}/raw/t/date=2025-11-16/hour=00/0-") for name in kept)
    row = completed(tmp_path / "w", f"{bucket}/raw")
    assert (row["records_read"], row["events"]) == (9, 9)


def test_raw_file_that_comes_again_is_the_same_file(bucket: str) -> None:
    writer = _Write(f"{bucket}/again")
    for _ in range(2):
        list(writer.process((b"", ("t/date=2025-11-16/hour=00/0-1.jsonl.gz", b"packed"))))
    (name,) = names(f"{bucket}/again")
    assert _read(name) == b"packed"


def test_raw_file_is_uploaded_only_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator does not look at the condition: here a server says what the real one would."""
    asked: list[str] = []
    monkeypatch.setattr(gcs_emulator, "_ERROR", {"error": {"code": 412, "message": "exists"}})
    with gcs_emulator.refusing(tmp_path, 412, asked) as bucket:
        storage.write_file(f"{bucket}/raw/a.jsonl.gz", b"x", is_hidden=True, is_final=True)
    (path,) = [path for path in asked if path.startswith("/upload/")]
    assert "ifGenerationMatch=0" in path
    assert "uploadType=multipart" in path, "one request"


def test_raw_file_that_may_not_be_replaced_is_done_when_it_is_there(tmp_path: Path) -> None:
    with gcs_emulator.refusing(tmp_path, may_read=True) as bucket:
        storage.write_file(f"{bucket}/raw/a.jsonl.gz", b"x", is_hidden=True, is_final=True)
        with pytest.raises(OSError, match="does not have"):
            storage.write_file(f"{bucket}/staging/a.arrow", b"x")


@pytest.mark.parametrize("size", [1 << 20, 20 << 20])
def test_writer_that_is_killed_leaves_nothing_to_see(bucket: str, size: int) -> None:
    path = f"{bucket}/killed/{size}.jsonl.gz"
    port = int(os.environ["STORAGE_EMULATOR_HOST"].rpartition(":")[2])
    with _Narrow(port, size // 2) as narrow:
        write = f"storage.write_file({path!r}, bytes({size}), True, True)"
        code = f"from pipelines import storage; {write}"
        environment = os.environ | {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{narrow.port}"}
        writer = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)
        assert narrow.is_full.wait(60), "the writer sends nothing"
        assert writer.poll() is None
        writer.kill()
        writer.wait()
    assert names(f"{bucket}/killed/{size}") == []
    storage.write_file(path, bytes(size), is_hidden=True, is_final=True)
    assert len(_read(path)) == size


class _Narrow:
    """A port that leads to another; of what it is sent it lets some bytes pass, and no more."""

    def __init__(self, to_port: int, most: int) -> None:
        self.is_full = threading.Event()
        self._to_port, self._left = to_port, most
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = [self._listener]

    def __enter__(self) -> "_Narrow":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        try:
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to_port))
                self._ends += [here, there]
                threading.Thread(target=self._send, args=(here, there), daemon=True).start()
                threading.Thread(target=_carry, args=(there, here), daemon=True).start()
        except OSError:
            return  # closed

    def _send(self, here: socket.socket, there: socket.socket) -> None:
        try:
            while piece := here.recv(min(1 << 16, max(self._left, 1))):
                self._left -= len(piece)
                if self._left <= 0:
                    self.is_full.set()
                    return
                there.sendall(piece)
        except OSError:
            return  # closed


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    except OSError:
        return  # closed


def test_bucket_that_there_is_not_is_one_line_and_exit_code_2(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "w", f"{bucket}-nowhere/in/*.jsonl") == 2
    assert f"{bucket}-nowhere" in _complaint(capfd)
    assert not (tmp_path / "w").exists()


def test_pattern_that_is_no_name_of_an_object_is_one_line_and_exit_code_2(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "w", "gs://") == 2
    assert "--input" in _complaint(capfd)


def test_missing_rights_are_one_line_and_exit_code_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with gcs_emulator.refusing(tmp_path) as bucket:
        assert run(tmp_path / "w", f"{bucket}/in/*.jsonl") == 2
    line = _complaint(capfd)
    assert "does not have storage.objects.list access" in line
    assert "permissions" in line


def test_staging_that_a_bucket_does_not_take_is_one_line_and_exit_code_2(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view()])
    assert run(tmp_path / "w", source, staging=f"{bucket}-nowhere/s") == 2
    line = _complaint(capfd)
    assert f"there is no bucket {gcs_emulator.BUCKET}-nowhere; check the bucket" in line
    assert "--staging" in line
    with gcs_emulator.refusing(tmp_path) as refusing:
        assert run(tmp_path / "w", source, staging=f"{refusing}/s") == 2
    assert "does not have storage.objects.list access" in _complaint(capfd)


def test_staging_that_cannot_be_removed_does_not_change_how_a_run_ended(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view()])
    remove, calls = storage.remove_folder, list[str]()

    def refuse_the_last(path: str) -> None:
        calls.append(path)
        if len(calls) > 1:
            raise OSError(f"{path}: no permission")
        remove(path)

    monkeypatch.setattr(storage, "remove_folder", refuse_the_last)
    completed(tmp_path / "w", source, staging=f"{bucket}/kept")
    assert f"files of the run stay in {bucket}/kept/" in _complaint(capfd)


@pytest.mark.parametrize("is_there", [False, True])
def test_raw_zone_that_cannot_be_written_is_an_error_that_says_so(
    is_there: bool, bucket: str, tmp_path: Path
) -> None:
    element = (b"", ("t/date=2025-11-16/hour=00/0-1.jsonl.gz", b"x"))
    if not is_there:
        with pytest.raises(UnwritableRawZoneError, match="nowhere"):
            list(_Write(f"{bucket}-nowhere").process(element))
        return
    with (
        gcs_emulator.refusing(tmp_path) as refusing,
        pytest.raises(UnwritableRawZoneError, match="check its rights"),
    ):
        list(_Write(refusing).process(element))


def test_kafka_options_are_read_from_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "projects/p/secrets/kafka/versions/1"
    with serving({name: b"# login\nsecurity.protocol=SASL_SSL\n"}) as (environment, _):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        assert read_properties(name) == {"security.protocol": "SASL_SSL"}


def _read(path: str) -> bytes:
    return FileSystems.open(path, compression_type="uncompressed").read()


def _complaint(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line of the program on standard error."""
    lines = capfd.readouterr().err.splitlines()
    (line,) = [text for text in lines if text.startswith("chapterflow: ")]
    assert len(lines) == 1, lines
    return line
