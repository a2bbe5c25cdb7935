"""Which flags does the batch have? Their names, types, defaults and help."""

import argparse
import datetime
from typing import Any, NoReturn

from transforms.options import SPLITS, MetricOptions

WAREHOUSE = "folder, s3://… or gs://… of the tables, or bq://project.prefix"
"""What every program that writes tables says of the option."""


class UsageError(Exception):
    """Wrong options or unreadable input; the message is one line that says what to do."""


class FlagParser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors, so that a program reports them all alike."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise UsageError(f"{message}; --help lists the options")


def build_parser() -> FlagParser:
    """The flags of the batch."""
    parser = FlagParser(
        prog="python -m pipelines.batch",
        description="Turn files of student events into exact silver and daily gold tables.",
        epilog="Beam's own options (--runner=…) are passed on. Exit codes: 0 done, 2 wrong options "
        "or unreadable input, 1 failed.",
        allow_abbrev=False,
    )
    _add_sources(parser.add_argument_group("what to read and write"))
    add_files(parser.add_argument_group("what is known besides the events"))
    add_metrics(parser.add_argument_group("what the numbers mean (docs/dictionary.md)"))
    _add_running(parser.add_argument_group("how to run"))
    return parser


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--input",
        type=split_list,
        required=True,
        metavar="GLOB[,GLOB…]",
        help="files, folders or globs: JSON Lines, JSON, gzip, Parquet, Avro",
    )
    group.add_argument("--warehouse", required=True, help=WAREHOUSE)
    group.add_argument(
        "--start_date", type=date, metavar="YYYY-MM-DD", help="first date to replace"
    )
    group.add_argument("--end_date", type=date, metavar="YYYY-MM-DD", help="last date to replace")
    group.add_argument(
        "--lookback_days",
        type=count,
        default=2,
        help="folders read before the dates, to make sessions whole (%(default)s)",
    )
    group.add_argument("--lookahead_days", type=count, default=2,
                       help="folders read after the dates (%(default)s)")  # fmt: skip


def add_files(group: argparse._ArgumentGroup) -> None:
    """Flags that name what is known besides the events."""
    group.add_argument("--catalog", metavar="FILE.csv", help="courses and chapters")
    group.add_argument(
        "--question_catalog",
        metavar="FILE.csv",
        help="quiz_id, question_id, and where known correct_option, pass_mark (0-1), skill_id",
    )
    group.add_argument(
        "--consent_file",
        metavar="FILE.csv",
        help="student_id, has_consent; who is absent has not consented",
    )
    group.add_argument(
        "--exclusion_file", metavar="FILE.yaml", help="list of field and regex: events to leave out"
    )
    group.add_argument(
        "--event_types_file",
        metavar="FILE.csv",
        help="name, event_type: spellings besides the built-in ones",
    )
    group.add_argument("--geoip_database", metavar="FILE.mmdb", help="MaxMind-format database")
    group.add_argument(
        "--pseudonym_key_file",
        metavar="FILE",
        help="key of the pseudonyms (default: CHAPTERFLOW_PSEUDONYM_KEY)",
    )
    group.add_argument(
        "--pseudonym_key_secret",
        metavar="projects/P/secrets/S/versions/V",
        help="name of the key of the pseudonyms in Google's Secret Manager",
    )
    group.add_argument("--pseudonymous_topics", type=split_list, default=(), metavar="A,B",
                       help="topics whose student ids are pseudonyms already")  # fmt: skip


def add_metrics(group: argparse._ArgumentGroup) -> None:
    """The options of METRICS, and what is too old or too new."""
    defaults = MetricOptions()
    for name, text in {
        "session_gap_seconds": "inactivity of more than this begins a new session",
        "idle_after_seconds": "a gap counts as active up to this",
        "interval_active_cap_seconds": "a segment counts as active up to this",
        "max_session_hours": "longer sessions are cut at this grid of UTC",
        "skim_seconds": "active time below which a far scrolled visit skims",
    }.items():
        group.add_argument(
            f"--{name}",
            type=positive,
            default=getattr(defaults, name),
            help=f"{text} (%(default)s)",
        )
    group.add_argument(
        "--split_on",
        type=_splits,
        default=(),
        metavar="A,B",
        help=f"also begin a session when one of these changes: {', '.join(SPLITS)}",
    )
    group.add_argument("--reporting_timezone", default="UTC", help="zone of dates and hours (UTC)")
    group.add_argument(
        "--max_future_seconds",
        type=not_negative,
        default=300,
        help="events later than received by more are dead letters (%(default)s)",
    )
    group.add_argument("--max_age_days", type=count, default=365,
                       help="events older than this when received are dead letters; 0: never"
                       )  # fmt: skip


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers",
        type=count,
        default=0,
        help="local processes; 0: one for small inputs, else one per CPU",
    )
    group.add_argument("--force", **SWITCH, help="also replace dates that a running stream writes")
    group.add_argument("--staging", help="folder for temporary files (default: in the warehouse;"
                       " for bq://…: that of --temp_location)")  # fmt: skip
    add_logging(group)


def add_logging(group: argparse._ArgumentGroup) -> None:
    """How a program speaks."""
    group.add_argument("--log_format", choices=("text", "json"), default="text",
                       help="of the messages on standard error")  # fmt: skip


def boolean(text: str) -> bool:
    """A truth, as templates of Dataflow spell it: true or false."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


SWITCH: dict[str, Any] = {
    "nargs": "?", "const": True, "default": False, "type": boolean, "metavar": "true",
}  # fmt: skip
"""Of an option that is on when named; `=true` and `=false` say the same in words."""


def split_list(text: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _splits(text: str) -> tuple[str, ...]:
    chosen = split_list(text)
    unknown = [name for name in chosen if name not in SPLITS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(SPLITS)}")
    return chosen


def date(text: str) -> datetime.date:
    """A date YYYY-MM-DD."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date YYYY-MM-DD") from None


def _number(text: str, minimum: float, kind: type) -> Any:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not minimum <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is too small or too large")
    return value


def positive(text: str) -> float:
    """A number above 0."""
    return _number(text, 0.001, float)


def not_negative(text: str) -> float:
    """A number from 0 on."""
    return _number(text, 0, float)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = not_negative(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text} is more than 1")
    return value


def count(text: str) -> int:
    """A whole number from 0 on."""
    return _number(text, 0, int)
