"""How do tests run the stream as a program, and compare what it leaves behind with batch?"""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl
from deltalake import DeltaTable

from benchmarks.compare_warehouses import differences
from pipelines import batch
from pipelines.readers.snapshot import WarehouseError, open_snapshot
from pipelines.services import flink
from tests.pipelines.killing import ROOT, kill
from tests.pipelines.whole_runs import OUTCOMES, read
from tests.pipelines.whole_topics import SchoolTopics

START_SECONDS, FINISH_SECONDS = 240.0, 420.0
STOP_SECONDS, FOLLOW_SECONDS = 20.0, 120.0
OFTEN = {"commit_interval_seconds": 3, "raw_file_seconds": 5, "publish_seconds": 20}
"""So that tests need not wait for minutes."""
LETTER = ("dead_letter_id", "source", "position", "reason")
"""What tells dead letters from one another, whoever wrote them."""


def from_kafka(topics: SchoolTopics) -> dict[str, str]:
    """Options of a stream that reads the topics."""
    return {
        "kafka_bootstrap_servers": topics.kafka.bootstrap_servers,
        "kafka_topics": ",".join(topics.names),
        "kafka_group": topics.prefix,
    }


class WholeStream:
    """A stream with its warehouse, raw zone and log in a folder; as a context it is killed."""

    def __init__(self, folder: Path, options: Mapping[str, Any], *flags: str, **known: Any) -> None:
        """`options` by name; `flags` as they are; `known`: options that batch needs as well."""
        self.folder = folder.absolute()
        self.warehouse, self.raw = self.folder / "warehouse", self.folder / "raw"
        self.state = self.warehouse / "_stream"
        self._log = self.folder / "stream.log"
        given = {"warehouse": self.warehouse, "raw_zone": self.raw, **OFTEN, **options, **known}
        self._known = [f"--{name}={value}" for name, value in known.items()]
        self._flags = [*(f"--{name}={value}" for name, value in given.items()), *flags]
        self._process: subprocess.Popen | None = None
        self.is_detached = False
        """The stream runs on a cluster, whether its program does or not."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.kill()

    def start(self, *flags: str) -> Self:
        """Start it, again with the same command unless `flags` are added; it may not read yet."""
        command = [sys.executable, "-m", "pipelines.streaming", *self._flags, *flags]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, start_new_session=True, stdout=log, stderr=log
            )
        return self

    @property
    def process(self) -> subprocess.Popen:
        """The program that was started last."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """What it said so far, in all its lives."""
        return self._log.read_text(errors="replace")

    def wait(self, is_so: Callable[[], object], what: str, seconds: float) -> float:
        """Until something holds while the program runs; the seconds that it took."""
        begun = time.monotonic()
        while not is_so():
            is_alive = self.is_detached or self.process.poll() is None
            assert is_alive, f"it ended: {self.log[-3000:]}"
            waited = time.monotonic() - begun
            assert waited < seconds, f"not in {seconds} s: {what}; {self.row()} {self.log[-2000:]}"
            time.sleep(0.3)
        return time.monotonic() - begun

    def wait_for_records(self, count: int, seconds: float = START_SECONDS) -> float:
        """Until the run's row accounts for at least so many records."""
        return self.wait(lambda: self.records_read() >= count, f"{count} records", seconds)

    def wait_for_all(self, count: int) -> float:
        """Until exactly so many records are accounted for, and are in the raw zone."""

        def is_done() -> bool:
            row = self.row()
            return row.get("records_read") == count == sum(row[name] for name in OUTCOMES)

        seconds = self.wait(is_done, f"{count} records accounted for", FINISH_SECONDS)
        seconds += self.wait(
            lambda: len(self.kept()) >= count, f"{count} records in the raw zone", FINISH_SECONDS
        )
        return seconds

    def records_read(self) -> int:
        """Of the newest run."""
        return self.row().get("records_read", 0)

    def row(self) -> dict[str, Any]:
        """The row of the newest streaming run; empty before the first."""
        return max(self.rows(), key=lambda row: row["started_at"], default={})

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all streaming runs."""
        try:
            return [row for row in read(self.warehouse, "ops.pipeline_runs") if _is_stream(row)]
        except WarehouseError:
            return []

    def told(self) -> list[int]:
        """Records read by the newest run, as its row said after each round so far."""
        run_id, path = self.row()["run_id"], str(self.warehouse / "ops" / "pipeline_runs")
        versions = range(DeltaTable(path).version() + 1)
        frames = (pl.DataFrame(DeltaTable(path, v).to_pyarrow_table()) for v in versions)
        return [
            count
            for frame in frames
            for count in frame.filter(pl.col("run_id") == run_id)["records_read"]
        ]

    def kept(self) -> list[tuple]:
        """Place of each line in the raw zone, in order."""
        files = [file for file in self.raw.rglob("*.gz") if not file.name.startswith(".")]
        texts = (gzip.decompress(file.read_bytes()) for file in files)
        lines = (json.loads(line) for text in texts for line in text.splitlines())
        names = ("topic", "partition", "offset", "message_id")
        places = [tuple(line[name] for name in names if name in line) for line in lines]
        return sorted(places)

    def interrupt(self) -> float:
        """Ctrl-C in a terminal, which all its processes get; the seconds until it had ended."""
        begun = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(STOP_SECONDS) == 0, self.log[-3000:]
        return time.monotonic() - begun

    def kill(self) -> None:
        """End program, worker and the Flink of its own at once, like a crash."""
        kill(self.process)
        flink.end_embedded(self.state)

    def run_batch(self, warehouse: Path, *flags: str) -> int:
        """Batch over the raw zone with the same options; the exit code."""
        return batch.main([f"--input={self.raw}", f"--warehouse={warehouse}", *self._known, *flags])

    def assert_as_batch(self, places: Sequence[tuple] | None = None) -> None:
        """The raw zone holds each record once; tables and dead letters become those of batch."""
        kept = self.kept()
        assert len(kept) == len(set(kept)), "a record is in the raw zone twice"
        assert places is None or kept == sorted(places), "the raw zone is not what was sent"
        other = self.folder / f"batch-{time.monotonic_ns()}"
        assert self.run_batch(other) == 0
        self.assert_follows(other)
        told = self.told()
        # What a checkpoint held comes again, but nothing older comes after it for the first time.
        late = [n for i, n in enumerate(told) if n < max(told[: i + 1]) and n not in told[:i]]
        assert not late, f"rounds were committed in another order: {told}"

    def assert_follows(self, other: Path) -> None:
        """Tables and dead letters become those of another warehouse, and it has some.

        Gold lies behind the counts of the run by some rounds of commits: it is waited for.
        """
        end = time.monotonic() + FOLLOW_SECONDS
        while found := differences(open_snapshot(self.warehouse), open_snapshot(other)):
            assert time.monotonic() < end, found
            time.sleep(1)
        assert dead_letters(self.warehouse) == dead_letters(other)
        assert read(other, "silver.sessions"), "there is nothing to compare"


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body of what a program serves; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def dead_letters(warehouse: Path) -> list[tuple[str, ...]]:
    """Id, source, position and reason of all of them, in order."""
    rows = read(warehouse, "ops.dead_letters")
    return sorted(tuple(row[name] for name in LETTER) for row in rows)


def _is_stream(row: Mapping[str, Any]) -> bool:
    return row["mode"] == "streaming"
