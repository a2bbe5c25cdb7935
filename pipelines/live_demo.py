"""What does a school look like live? Kafka, Redis, Flink, a simulated school, and a view of it."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.simulate.options import TOPICS
from pipelines import watch
from pipelines.demo import own_key
from pipelines.options.companions import KEY_VARIABLE
from pipelines.services.errors import ServiceError
from pipelines.services.jars import job_server_jar
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.server import tethered

_START_SECONDS = 180
_STOP_SECONDS = 30


class DemoError(Exception):
    """The demo cannot go on; the message is one line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; the exit code."""
    options = build_parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            _run(options, stack)
    except KeyboardInterrupt:
        print("\nstopped")
    except (ServiceError, DemoError) as error:
        print(f"chapterflow: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.live_demo", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--folder", type=Path, default=Path("live"),
                        help="where everything goes (%(default)s)")  # fmt: skip
    parser.add_argument("--students", type=int, default=2000, help="students (%(default)s)")
    parser.add_argument("--minutes_ago", type=float, default=15.0,
                        help="when the school's clock begins (%(default)s)")  # fmt: skip
    parser.add_argument("--speed", type=float, default=30.0,
                        help="of its clock until it has caught up with ours (%(default)s)"
                        )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after this; 0: never")
    return parser


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(KEY_VARIABLE, own_key(folder))
    _say("fetching what Kafka and Flink need, once")
    job_server_jar()
    _say("starting Kafka and Redis")
    kafka = stack.enter_context(Kafka(folder / "kafka"))
    redis = stack.enter_context(Redis(folder / "redis"))
    for topic in TOPICS:
        kafka.create_topic(topic, log_append_time=False)
    _say("starting the pipeline on Flink")
    stream = stack.enter_context(program("stream", folder, _stream(folder, kafka, redis)))
    wait_until_reading(stream, folder / "stream.log")
    stack.enter_context(program("school", folder, _school(kafka, options)))
    _say(f"the tables: {folder}/warehouse, the raw zone: {folder}/raw; Ctrl-C stops everything")
    signal.setitimer(signal.ITIMER_REAL, options.seconds)
    watch.main([f"--live_store={redis.url}"])


def _stream(folder: Path, kafka: Kafka, redis: Redis) -> list[str]:
    return [
        "pipelines.streaming",
        f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
        f"--kafka_topics={','.join(TOPICS)}",
        f"--warehouse={folder}/warehouse",
        f"--raw_zone={folder}/raw",
        f"--live_store={redis.url}",
    ]


def _school(kafka: Kafka, options: argparse.Namespace) -> list[str]:
    return [
        "benchmarks.simulate.play",
        f"--kafka_bootstrap_servers={kafka.bootstrap_servers}",
        f"--students={options.students}",
        f"--minutes_ago={options.minutes_ago}",
        f"--speed={options.speed}",
    ]


@contextmanager
def program(name: str, folder: Path, command: Sequence[str]) -> Iterator[subprocess.Popen]:
    """A module that runs beside us, its output in `<name>.log`; it ends when we do."""
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            tethered([sys.executable, "-m", *command]),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    with ExitStack() as stack:
        stack.callback(_end, process)
        yield process


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_until_reading(stream: subprocess.Popen, log: Path) -> None:
    """Until the stream says that it reads. Raises DemoError with its last line if it ends."""
    deadline = time.monotonic() + _START_SECONDS
    while "reading" not in log.read_text():
        if stream.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text().strip().splitlines()
            raise DemoError(f"the pipeline did not start: {lines[-1] if lines else 'see'} ({log})")
        time.sleep(0.2)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
