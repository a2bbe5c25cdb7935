"""How are the servers started by hand? `python -m pipelines.services up`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from pipelines.options.flags import FlagParser, UsageError
from pipelines.services.cluster import FlinkCluster
from pipelines.services.errors import ServiceError
from pipelines.services.jars import cache_folder, flink_jars, job_server_jar, kafka_jars
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.service import Service

SERVICES: dict[str, Callable[[Path], Service]] = {
    "kafka": Kafka,
    "redis": Redis,
    "flink": FlinkCluster,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Start servers and keep them until a signal, or fetch what they need; the exit code."""
    try:
        options = _build_parser().parse_args(argv)
        options.run(options)
    except UsageError as error:
        return _fail(str(error), 2)
    except ServiceError as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("interrupted while starting", 1)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"chapterflow: {message}", file=sys.stderr)
    return code


def _build_parser() -> FlagParser:
    parser = FlagParser(
        prog="python -m pipelines.services",
        description="Real servers on this machine, without containers: Kafka, Redis and Flink.",
        epilog="Java 17 and Maven have to be installed for Kafka and Flink. Exit codes: 0 done, "
        "2 wrong options, 1 failed.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="up|fetch")
    up = commands.add_parser("up", help="start servers, tell addresses; Ctrl-C stops them")
    up.add_argument("--folder", type=Path, default=Path(".services"),
                    help="of data, settings and logs (%(default)s)")  # fmt: skip
    up.add_argument("--only", type=_services, default=tuple(SERVICES), metavar="A,B",
                    help=f"some of {','.join(SERVICES)}")  # fmt: skip
    up.set_defaults(run=_up)
    fetch = commands.add_parser("fetch", help="only download what the servers need")
    fetch.set_defaults(run=_fetch)
    return parser


def _services(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(SERVICES)}")
    return names


def _fetch(_: argparse.Namespace) -> None:
    count = len(kafka_jars()) + len(flink_jars())
    job_server_jar()
    print(f"{count} jars are in {cache_folder()}")


def _up(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        for name in options.only:
            server = stack.enter_context(SERVICES[name](options.folder / name))
            print(f"{name:6} {server.address}", flush=True)
        with suppress(KeyboardInterrupt):
            print("Ctrl-C stops them.", flush=True)
            signal.pause()


if __name__ == "__main__":
    sys.exit(main())
