"""Are records and rows kept exactly once when Flink is killed and goes on?"""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.outputs.lake import Lake
from pipelines.outputs.register_stream import register_stream
from pipelines.services import flink
from pipelines.services.errors import ServiceError
from tests.needs import need
from tests.pipelines.counting_sinks import RUN_ID
from tests.pipelines.killing import ROOT, kill
from tests.pipelines.stream_lake import DAY, event_ids, stream_run


def _start(folder: Path) -> subprocess.Popen:
    checkpoint = flink.latest_checkpoint(folder)
    command = [sys.executable, "-m", "tests.pipelines.counting_sinks", str(folder)]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, str(checkpoint or "")],
            cwd=ROOT, start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip


def _wait(process: subprocess.Popen, is_there: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_there():
        assert process.poll() is None, "the pipeline ended"
        assert time.monotonic() < end, "nothing came for too long"
        time.sleep(0.2)


def _offsets(folder: Path) -> list[int]:
    files = (folder / "raw").rglob("[!.]*.gz")
    texts = [gzip.decompress(file.read_bytes()) for file in files if file.is_file()]
    return sorted(json.loads(line)["offset"] for text in texts for line in text.splitlines())


def _have_both(folder: Path, number: int) -> bool:
    return min(len(_offsets(folder)), len(event_ids(folder / "lake"))) >= number


def test_killed_twice_they_are_there_once(tmp_path: Path) -> None:
    try:
        flink.embedded_job_server_jar()
    except ServiceError as error:
        need(False, str(error))
    register_stream(Lake(str(tmp_path / "lake")), stream_run(RUN_ID), DAY)
    seen = 0
    for turn in range(1, 4):
        seen = max(_offsets(tmp_path), default=0)
        process = _start(tmp_path)
        try:
            _wait(process, lambda: _have_both(tmp_path, 150 * turn))  # noqa: B023
        finally:
            kill(process)
    kept, stored = _offsets(tmp_path), [int(name) for name in event_ids(tmp_path / "lake")]
    assert len(set(kept)) == len(kept)
    # At a kill an hour's first file may be there before the last one of the hour before it, so
    # only what was there at the second kill says that nothing is missing.
    assert seen >= 300
    assert kept[:seen] == list(range(1, seen + 1))
    assert stored == list(range(1, len(stored) + 1))
