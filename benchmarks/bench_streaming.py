"""How fast and how fresh is the whole stream on one machine? `make bench-streaming`.

Kafka, Redis, Flink, the pipeline and the load share the machine. A probe sends events of its own
and asks the live store until it knows them: from the event to the live store.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import redis
from confluent_kafka import Producer

from benchmarks.send_load import record
from pipelines.companions import KEY_VARIABLE
from pipelines.live_demo import program, wait_until_reading
from pipelines.outputs.lake import Lake
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.server import free_ports

TOPIC = "load"
_KEY = "benchmark"
_PROBES = 20
_PROBE_SECONDS, _POLL_SECONDS, _PATIENCE_SECONDS = 0.1, 0.002, 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one load and print what was measured, as JSON."""
    options = _build_parser().parse_args(arguments)
    os.environ[KEY_VARIABLE] = _KEY
    with ExitStack() as stack:
        folder = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        measured = _measure(options, folder, stack)
    print(json.dumps(measured, indent=1))
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_streaming", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--rate", type=float, default=2000, help="events per second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="measured (%(default)s)")
    parser.add_argument("--warm_up_seconds", type=float, default=30, help="before (%(default)s)")
    parser.add_argument("--students", type=int, default=20_000, help="students (%(default)s)")
    parser.add_argument("--session_gap_seconds", type=float, default=60,
                        help="short, so that sessions close while it runs (%(default)s)"
                        )  # fmt: skip
    parser.add_argument("--publish_seconds", type=float, default=300, help="(%(default)s)")
    parser.add_argument("--without_raw_zone", action="store_true", help="keep no raw zone")
    parser.add_argument("--folder", help="keep everything here")
    return parser


def _measure(options: argparse.Namespace, folder: Path, stack: ExitStack) -> dict[str, Any]:
    kafka = stack.enter_context(Kafka(folder / "kafka"))
    store = stack.enter_context(Redis(folder / "redis"))
    kafka.create_topic(TOPIC, 4)
    (port,) = free_ports(1)
    flags = _stream_flags(options, folder, kafka, store, port)
    stream = stack.enter_context(program("stream", folder, flags))
    wait_until_reading(stream, folder / "stream.log")
    seconds = options.seconds + options.warm_up_seconds
    load = ["benchmarks.send_load", f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
            f"--topic={TOPIC}", f"--rate={options.rate}", f"--seconds={seconds}",
            f"--students={options.students}"]  # fmt: skip
    stack.enter_context(program("load", folder, load))
    probe = Probe(kafka.bootstrap_servers, store.url)
    probe.run(options.warm_up_seconds)
    probe.latencies.clear()
    pids = {"python": stream.pid, "flink": _java_of(folder), "kafka": kafka.pid, "redis": store.pid}
    before = {name: _cpu_seconds(pid) for name, pid in pids.items() if pid}
    memory = {name: _memory_mib(pid) for name, pid in pids.items() if pid}
    lags = probe.run(options.seconds, port)
    used = {name: round(_cpu_seconds(pids[name]) - n, 1) for name, n in before.items()}
    return {
        "rate": options.rate,
        "seconds": options.seconds,
        "students": options.students,
        "event_to_live_seconds": _quantiles(probe.latencies),
        "probes_lost": probe.lost,
        "lag_seconds_first_half": _quantiles(lags[: len(lags) // 2]),
        "lag_seconds_second_half": _quantiles(lags[len(lags) // 2 :]),
        "cpu_seconds": used,
        "python_us_per_event": round(used["python"] / options.seconds / options.rate * 1e6, 1),
        "open_sessions": int(_metric(port, "chapterflow_open_sessions")),
        "memory_mib_at_first": memory,
        "memory_mib": {name: _memory_mib(pid) for name, pid in pids.items() if pid},
        "live_store_mib": round(probe.store.info("memory")["used_memory"] / 2**20, 1),
        "checkpoint_mib": _newest_checkpoint_mib(folder),
        "run": _run_row(folder),
        **_commits(port),
    }


def _stream_flags(
    options: argparse.Namespace, folder: Path, kafka: Kafka, store: Redis, port: int
) -> list[str]:
    raw = [] if options.without_raw_zone else [f"--raw_zone={folder}/raw"]
    return [
        "pipelines.streaming", f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
        f"--kafka_topics={TOPIC}", f"--warehouse={folder}/warehouse", *raw,
        f"--live_store={store.url}", f"--metrics_port={port}", "--start_from=earliest",
        f"--session_gap_seconds={options.session_gap_seconds}",
        "--max_out_of_orderness_seconds=5", f"--publish_seconds={options.publish_seconds}",
    ]  # fmt: skip


class Probe:
    """Sends events of students of its own, and measures until the live store knows them."""

    def __init__(self, bootstrap_servers: str, live_store: str) -> None:
        self.producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0})
        self.store = redis.Redis.from_url(live_store)
        self.latencies: list[float] = []
        self.lost = 0
        self._waiting: dict[str, int] = {}
        self._sent = 0

    def run(self, seconds: float, metrics_port: int = 0) -> list[float]:
        """Probe for some time; the lag that the pipeline told of itself meanwhile."""
        end, next_probe, lags = time.time() + seconds, 0.0, []
        while (now := time.time()) < end:
            is_due = now >= next_probe
            if is_due:
                self._send(now)
                next_probe = now + _PROBE_SECONDS
            if is_due and metrics_port and self._sent % _PROBES == 0:
                lags.append(_metric(metrics_port, "chapterflow_lag_seconds"))
            self._look()
            time.sleep(_POLL_SECONDS)
        return lags

    def _send(self, now: float) -> None:
        number = self._sent % _PROBES
        student = -1 - number
        name = hmac.new(_KEY.encode(), f"student-{student}".encode(), hashlib.sha256).hexdigest()
        if name in self._waiting and now - self._waiting[name] / 1000 > _PATIENCE_SECONDS:
            self.lost += 1
            del self._waiting[name]
        self._sent += 1
        if name not in self._waiting:
            at_ms = int(now * 1000)
            self._waiting[name] = at_ms
            self.producer.produce(TOPIC, record(self._sent, student, at_ms, _NoChance()))
            self.producer.poll(0)

    def _look(self) -> None:
        if not self._waiting:
            return
        names = list(self._waiting)
        with self.store.pipeline(transaction=False) as batch:
            for name in names:
                batch.zscore("cf:last", name)
            scores = batch.execute()
        now = time.time()
        for name, score in zip(names, scores, strict=True):
            if score is not None and score >= self._waiting[name]:
                self.latencies.append(now - self._waiting.pop(name) / 1000)


class _NoChance:
    """A generator of nothing but zeros."""

    def randrange(self, stop: int) -> int:
        """0."""
        return 0


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    found = {name: round(float(np.quantile(values, q)), 3) for name, q in shares.items()}
    return {**found, "count": len(values)}


def _metric(port: int, name: str) -> float:
    return next((value for key, value in _metrics(port) if key == name), float("nan"))


def _metrics(port: int) -> Iterator[tuple[str, float]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#")):
        yield name, float(value)


def _commits(port: int) -> dict[str, Any]:
    found = dict(_metrics(port))
    total, count = (
        sum(v for name, v in found.items() if name.startswith(f"chapterflow_commit_seconds_{part}"))
        for part in ("sum", "count")
    )
    return {"commits": int(count), "seconds_per_commit": round(total / count, 3) if count else None}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def _java_of(folder: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((folder / "warehouse/_stream/conf/java.pid").read_text())
    return None


def _newest_checkpoint_mib(folder: Path) -> float:
    found = sorted(folder.glob("warehouse/_stream/checkpoints/*/chk-*"), key=os.path.getmtime)
    sizes = [sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) for path in found[-2:]]
    return round(max(sizes, default=0) / 2**20, 1)


def _run_row(folder: Path) -> dict[str, int]:
    row = Lake(str(folder / "warehouse")).read("pipeline_runs").row(0, named=True)
    names = ("records_read", "events", "duplicates", "dead_letters", "late", "dropped", "sessions")
    return {name: row[name] for name in names}


if __name__ == "__main__":
    sys.exit(main())
