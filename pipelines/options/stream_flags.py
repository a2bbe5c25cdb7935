"""Which flags does the stream have? Their names, types, defaults and help."""

import argparse
from dataclasses import fields

from pipelines.options.flags import (
    SWITCH,
    WAREHOUSE,
    FlagParser,
    add_files,
    add_logging,
    add_metrics,
    count,
    not_negative,
    positive,
    split_list,
)
from transforms.alert_options import AlertOptions

NEVER = "never"
ALERT_PREFIX = "alert_"


def build_parser() -> FlagParser:
    """The flags of the stream."""
    parser = FlagParser(
        prog="python -m pipelines.streaming",
        description="Follow student events as they happen: tables, live figures and alerts.",
        epilog="Without --runner it runs on a Flink of its own (Java 17), with checkpoints in "
        "--state, and goes on from the last one when it is started again. Beam's own options are "
        "passed on. Exit codes: 0 stopped, 2 wrong options or unreadable source, 1 failed.",
        allow_abbrev=False,
    )
    _add_sources(parser.add_argument_group("what to read (one of the three)"))
    _add_targets(parser.add_argument_group("what to write"))
    _add_times(parser.add_argument_group("event time"))
    add_files(parser.add_argument_group("what is known besides the events"))
    add_metrics(parser.add_argument_group("what the numbers mean (docs/dictionary.md)"))
    _add_alerts(parser.add_argument_group("when live alerts open (docs/alerts.md)"))
    _add_running(parser.add_argument_group("how to run"))
    return parser


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--kafka_bootstrap_servers", metavar="HOST:PORT[,…]", help="Kafka cluster")
    group.add_argument("--kafka_topics", type=split_list, default=(), metavar="A,B", help="topics")
    group.add_argument(
        "--kafka_group", default="chapterflow", metavar="NAME",
        help="consumer group; its offsets follow the checkpoints (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--kafka_options", type=_pairs, default={}, metavar="KEY=VALUE,…",
        help="further options of the client (librdkafka), such as security.protocol=SASL_SSL",
    )  # fmt: skip
    group.add_argument(
        "--kafka_options_file", metavar="FILE",
        help="lines KEY=VALUE of such options: the place for passwords; read by every worker. Or "
        "the name of such a text in Secret Manager, projects/P/secrets/S/versions/V",
    )  # fmt: skip
    group.add_argument(
        "--start_from", default="committed", metavar="WHERE",
        help="without a checkpoint: committed, earliest, latest or a time (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--pubsub_subscription", metavar="projects/P/subscriptions/S", help="Pub/Sub subscription"
    )
    group.add_argument("--inbox", metavar="DIR", help="folder in which files of events appear")
    group.add_argument(
        "--start_timeout_seconds", type=positive, default=30.0,
        help="how long to wait for the source to answer (%(default)s)",
    )  # fmt: skip


def _add_targets(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--warehouse", required=True, help=WAREHOUSE)
    group.add_argument("--raw_zone", metavar="DIR", help="where every record is kept as received")
    group.add_argument("--raw_file_bytes", type=count, default=8 << 20, metavar="BYTES",
                       help="size at which a file of the raw zone is full (%(default)s)"
                       )  # fmt: skip
    group.add_argument("--raw_file_seconds", type=positive, default=300.0,
                       help="time after which it is, full or not (%(default)s)")  # fmt: skip
    group.add_argument("--live_store", metavar="redis://HOST:PORT", help="where live figures go")


def _add_times(group: argparse._ArgumentGroup) -> None:
    for name, value, text in (
        ("max_out_of_orderness_seconds", 60.0, "how far the watermark stays behind the events"),
        ("allowed_lateness_seconds", 86_400.0, "how far behind it an event still counts"),
    ):
        group.add_argument(
            f"--{name}", type=not_negative, default=value, help=f"{text} (%(default)s)"
        )
    group.add_argument(
        "--publish_seconds", type=positive, default=300.0,
        help="an event is in the rows after at most this much event time (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--idle_partition_seconds", type=_seconds_or_never, default=5.0, metavar="SECONDS|never",
        help="after this long without records, an empty partition follows the clock (%(default)s)",
    )  # fmt: skip


def _add_alerts(group: argparse._ArgumentGroup) -> None:
    usual = AlertOptions()
    for field in fields(AlertOptions):
        value = getattr(usual, field.name)
        group.add_argument(
            f"--{ALERT_PREFIX}{field.name}",
            type=count if isinstance(value, int) else not_negative,
            default=value,
            help=f"{field.name.replace('_', ' ')} (%(default)s)",
        )


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--commit_interval_seconds", type=positive, default=5.0,
        help="between two checkpoints, and so between two commits of the tables (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--state", metavar="DIR",
        help="local folder of checkpoints and logs of Flink (default: _stream in the warehouse)",
    )  # fmt: skip
    group.add_argument("--from_scratch", **SWITCH, help="forget the checkpoints in --state")
    group.add_argument("--flink_heap", default="2g", metavar="SIZE",
                       help="memory of the Flink of its own (%(default)s)")  # fmt: skip
    group.add_argument("--metrics_port", type=count, default=0, metavar="PORT",
                       help="of /metrics (Prometheus) and /health; 0: none")  # fmt: skip
    group.add_argument("--health_file", metavar="FILE", help="replaced whenever the health is told")
    add_logging(group)


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in split_list(text)]
    if wrong := [key for key, sign, _ in pairs if not key or not sign]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no KEY=VALUE")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _seconds_or_never(text: str) -> float | None:
    return None if text == NEVER else not_negative(text)
