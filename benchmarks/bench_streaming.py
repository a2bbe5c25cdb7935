"""How fast and how fresh is the whole stream on one machine? `make bench-streaming`.

Kafka, Redis, Flink, the pipeline and the load share the machine. A probe sends events of its own
and asks the live store until it knows them: from the event to the live store.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.probe_stream import KEY, TOPIC, Probe, metric, metrics, quantiles
from benchmarks.send_load import CHAPTER_HELP, CHAPTER_SECONDS
from pipelines.live_demo import program, wait_until_reading
from pipelines.options.companions import KEY_VARIABLE
from pipelines.outputs.lake import Lake
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.server import free_ports

_MINUTE, _OUT_OF_ORDERNESS = 60.0, 5
_LOOK_SECONDS = 3.0
"""Between two looks at the memory: a commit takes much more for a second or so."""
_TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one load and print what was measured, as JSON."""
    options = _build_parser().parse_args(arguments)
    os.environ[KEY_VARIABLE] = KEY
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
    parser.add_argument("--chapter_seconds", type=float, default=CHAPTER_SECONDS, help=CHAPTER_HELP)
    parser.add_argument("--publish_seconds", type=float, default=300, help="(%(default)s)")
    parser.add_argument("--without_raw_zone", action="store_true", help="keep no raw zone")
    parser.add_argument("--only_live", action="store_true",
                        help="parse and live store alone: no raw zone, no tables, no alerts"
                        )  # fmt: skip
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
    stack.enter_context(program("load", folder, _load_flags(options, kafka, seconds)))
    probe = Probe(kafka.bootstrap_servers, store.url)
    probe.run(options.warm_up_seconds)
    probe.latencies.clear()
    pids = {"python": stream.pid, "flink": _java_of(folder), "kafka": kafka.pid, "redis": store.pid}
    before = {name: _cpu_seconds(pid) for name, pid in pids.items() if pid}
    memory = {name: _memory_mib(pid) for name, pid in pids.items() if pid}
    lags, memory_by_minute = _run_by_minutes(probe, options.seconds, port, stream.pid)
    used = {name: round(_cpu_seconds(pids[name]) - n, 1) for name, n in before.items()}
    return {
        "rate": options.rate,
        "seconds": options.seconds,
        "students": options.students,
        "chapter_seconds": options.chapter_seconds,
        "event_to_live_seconds": quantiles(probe.latencies),
        "probes_lost": probe.lost,
        "lag_seconds_first_half": quantiles(lags[: len(lags) // 2]),
        "lag_seconds_second_half": quantiles(lags[len(lags) // 2 :]),
        "cpu_seconds": used,
        "python_us_per_event": round(used["python"] / options.seconds / options.rate * 1e6, 1),
        "memory_mib_at_first": memory,
        "python_mib_by_minute": memory_by_minute,
        "memory_mib": {name: _memory_mib(pid) for name, pid in pids.items() if pid},
        "live_store_mib": round(probe.store.info("memory")["used_memory"] / 2**20, 1),
        "checkpoint_mib": _newest_checkpoint_mib(folder),
        **({} if options.only_live else _tables(options, folder, port)),
    }


def _tables(options: argparse.Namespace, folder: Path, port: int) -> dict[str, Any]:
    """What the tables and their commits say."""
    return {
        "open_sessions": int(metric(port, "chapterflow_open_sessions")),
        "derived_after_close_seconds": _freshness(folder, options.session_gap_seconds),
        "run": _run_row(folder),
        **_commits(port),
    }


def _stream_flags(
    options: argparse.Namespace, folder: Path, kafka: Kafka, store: Redis, port: int
) -> list[str]:
    is_bare = options.without_raw_zone or options.only_live
    raw = [] if is_bare else [f"--raw_zone={folder}/raw"]
    module = "benchmarks.stream_live_only" if options.only_live else "pipelines.streaming"
    return [
        module, f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
        f"--kafka_topics={TOPIC}", f"--warehouse={folder}/warehouse", *raw,
        f"--live_store={store.url}", f"--metrics_port={port}", "--start_from=earliest",
        f"--session_gap_seconds={options.session_gap_seconds}",
        f"--max_out_of_orderness_seconds={_OUT_OF_ORDERNESS}",
        f"--publish_seconds={options.publish_seconds}",
    ]  # fmt: skip


def _load_flags(options: argparse.Namespace, kafka: Kafka, seconds: float) -> list[str]:
    return [
        "benchmarks.send_load", f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
        f"--topic={TOPIC}", f"--rate={options.rate}", f"--seconds={seconds}",
        f"--students={options.students}", f"--chapter_seconds={options.chapter_seconds}",
    ]  # fmt: skip


def _run_by_minutes(
    probe: Probe, seconds: float, port: int, pid: int
) -> tuple[list[float], list[tuple[int, int]]]:
    """The lags that the pipeline told, and the least and most memory (MiB) in each minute."""
    lags: list[float] = []
    memory: list[tuple[int, int]] = []
    while seconds > 0:
        seen = []
        for _ in range(round(min(seconds, _MINUTE) / _LOOK_SECONDS)):
            lags += probe.run(_LOOK_SECONDS, port)
            seen.append(_memory_mib(pid))
        memory.append((min(seen), max(seen)))
        seconds -= _MINUTE
    return lags, memory


def _freshness(folder: Path, gap_seconds: float) -> dict[str, float]:
    """From the watermark that closed a session to the moment that made its row; below 0: before."""
    sessions = Lake(str(folder / "warehouse")).read("sessions")
    made = pl.col("processed_at")
    closed = pl.col("session_end") + pl.duration(seconds=gap_seconds + _OUT_OF_ORDERNESS)
    late = sessions.filter(closed < made.max()).select((made - closed).dt.total_milliseconds())
    return quantiles([ms / 1000 for ms in late.to_series()])


def _commits(port: int) -> dict[str, Any]:
    found = dict(metrics(port))
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
