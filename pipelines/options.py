"""Which flags does a person set? One parser for the programs that run the pipeline."""

import argparse
import datetime
import json
import sys
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions

from transforms.calendar import Dates
from transforms.options import SPLITS, MetricOptions


class UsageError(Exception):
    """Wrong options or unreadable input; the message is one line that says what to do."""


@dataclass(frozen=True)
class BatchOptions:
    """Everything a batch run depends on. `beam` are flags that are passed on to Beam."""

    input: tuple[str, ...]
    warehouse: str
    dates: Dates
    metrics: MetricOptions
    max_future_seconds: float
    max_age_days: int
    lookback_days: int
    lookahead_days: int
    catalog: str | None
    question_catalog: str | None
    consent_file: str | None
    exclusion_file: str | None
    event_types_file: str | None
    geoip_database: str | None
    pseudonym_key_file: str | None
    pseudonymous_topics: tuple[str, ...]
    staging: str | None
    workers: int
    log_format: str
    beam: tuple[str, ...]

    def read_dates(self) -> Dates:
        """The dates of the folders that a run for dates has to read."""
        if self.dates is None:
            return None
        # A session is cut at a grid no wider than its maximum: two of them tell where.
        reach = -(-self.metrics.max_session_hours // 24) + 1
        before = datetime.timedelta(days=max(self.lookback_days, int(reach)))
        after = datetime.timedelta(days=max(self.lookahead_days, int(reach)))
        return self.dates[0] - before, self.dates[1] + after


def parse_batch_options(argv: Sequence[str]) -> BatchOptions:
    """Options from a command line. Raises UsageError; `--help` exits."""
    known, rest = _parser().parse_known_args(list(argv))
    _reject_unknown(rest)
    values = vars(known)
    metrics = MetricOptions(**{f.name: values.pop(f.name) for f in fields(MetricOptions)})
    _check_metrics(metrics)
    dates = _dates(values.pop("start_date"), values.pop("end_date"))
    return BatchOptions(**values, metrics=metrics, dates=dates, beam=tuple(rest))


def changed_options(options: BatchOptions) -> str:
    """The options of metrics that differ from their defaults, as JSON; no secrets are options."""
    defaults = MetricOptions()
    changed: dict[str, Any] = {
        f.name: getattr(options.metrics, f.name)
        for f in fields(MetricOptions)
        if getattr(options.metrics, f.name) != getattr(defaults, f.name)
    }
    for name in ("catalog", "consent_file", "exclusion_file", "geoip_database", "question_catalog"):
        if getattr(options, name):
            changed[name] = getattr(options, name)
    if options.dates:
        changed["start_date"], changed["end_date"] = map(str, options.dates)
    return json.dumps(changed, sort_keys=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; --help lists the options")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pipelines.batch",
        description="Turn files of student events into exact silver and daily gold tables.",
        epilog="Beam's own options (--runner=…) are passed on. Exit codes: 0 done, 2 wrong options "
        "or unreadable input, 1 failed.",
        allow_abbrev=False,
    )
    _add_sources(parser.add_argument_group("what to read and write"))
    _add_files(parser.add_argument_group("what is known besides the events"))
    _add_metrics(parser.add_argument_group("what the numbers mean (docs/dictionary.md)"))
    _add_running(parser.add_argument_group("how to run"))
    return parser


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--input",
        type=_list,
        required=True,
        metavar="GLOB[,GLOB…]",
        help="files, folders or globs: JSON Lines, JSON, gzip, Parquet, Avro",
    )
    group.add_argument("--warehouse", required=True, help="folder, s3://… or gs://… of the tables")
    group.add_argument(
        "--start_date", type=_date, metavar="YYYY-MM-DD", help="first date to replace"
    )
    group.add_argument("--end_date", type=_date, metavar="YYYY-MM-DD", help="last date to replace")
    group.add_argument(
        "--lookback_days",
        type=_count,
        default=2,
        help="folders read before the dates, to make sessions whole (%(default)s)",
    )
    group.add_argument("--lookahead_days", type=_count, default=2,
                       help="folders read after the dates (%(default)s)")  # fmt: skip


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--catalog", metavar="FILE.csv", help="courses and chapters")
    group.add_argument(
        "--question_catalog", metavar="FILE.csv", help="quiz_id, question_id, correct_option"
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
    group.add_argument("--pseudonymous_topics", type=_list, default=(), metavar="A,B",
                       help="topics whose student ids are pseudonyms already")  # fmt: skip


def _add_metrics(group: argparse._ArgumentGroup) -> None:
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
            type=_positive,
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
        type=_not_negative,
        default=300,
        help="events later than received by more are dead letters (%(default)s)",
    )
    group.add_argument("--max_age_days", type=_count, default=365,
                       help="events older than this when received are dead letters; 0: never"
                       )  # fmt: skip


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers",
        type=_count,
        default=0,
        help="local processes; 0: one for small inputs, else one per CPU",
    )
    group.add_argument("--staging", help="folder for temporary files (default: in the warehouse)")
    group.add_argument("--log_format", choices=("text", "json"), default="text",
                       help="of the messages on standard error")  # fmt: skip


def _reject_unknown(rest: Sequence[str]) -> None:
    """Beam only warns about flags that nobody knows; here they are errors."""
    parser = _Parser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in _subclasses(PipelineOptions):
        add = getattr(options, "_add_argparse_args", None)
        if add is not None and options.__module__.startswith("apache_beam"):
            add(parser)
    for action in parser._actions:
        action.required = False
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise UsageError(f"unknown option {unknown[0]}; --help lists the options")


def _subclasses(cls: type) -> list[type]:
    return [s for c in cls.__subclasses__() for s in (c, *_subclasses(c))]


def _check_metrics(metrics: MetricOptions) -> None:
    try:
        zoneinfo.ZoneInfo(metrics.reporting_timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise UsageError(
            f"--reporting_timezone={metrics.reporting_timezone} is no time zone; "
            "give one such as Europe/Berlin"
        ) from None


def _dates(first: datetime.date | None, last: datetime.date | None) -> Dates:
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise UsageError("give both --start_date and --end_date, or neither")
    if last < first:
        raise UsageError(f"--end_date={last} is before --start_date={first}")
    return first, last


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _splits(text: str) -> tuple[str, ...]:
    chosen = _list(text)
    unknown = [name for name in chosen if name not in SPLITS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(SPLITS)}")
    return chosen


def _date(text: str) -> datetime.date:
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


def _positive(text: str) -> float:
    return _number(text, 0.001, float)


def _not_negative(text: str) -> float:
    return _number(text, 0, float)


def _count(text: str) -> int:
    return _number(text, 0, int)


def fail(message: str, code: int = 2) -> int:
    """Print one line on standard error; the exit code."""
    print(f"chapterflow: {message}", file=sys.stderr)
    return code
