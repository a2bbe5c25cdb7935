"""Which flags does a person set? One parser for the programs that run the pipeline."""

import datetime
import json
import sys
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.options.flags import FlagParser, UsageError, build_parser
from pipelines.options.runner_flags import add_runner_flags
from transforms.calendar import Dates
from transforms.options import MetricOptions


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """What events and their numbers depend on in any mode. `beam` are flags passed on to Beam."""

    metrics: MetricOptions
    max_future_seconds: float
    max_age_days: int
    catalog: str | None
    question_catalog: str | None
    consent_file: str | None
    exclusion_file: str | None
    event_types_file: str | None
    geoip_database: str | None
    pseudonym_key_file: str | None
    pseudonym_key_secret: str | None
    pseudonymous_topics: tuple[str, ...]
    warehouse: str
    log_format: str
    beam: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BatchOptions(EventOptions):
    """Everything a batch run depends on."""

    input: tuple[str, ...]
    dates: Dates
    lookback_days: int
    lookahead_days: int
    staging: str | None
    force: bool
    workers: int

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
    values, rest = parse_flags(build_parser(), argv)
    dates = _dates(values.pop("start_date"), values.pop("end_date"))
    return BatchOptions(**values, dates=dates, beam=rest)


def parse_flags(parser: FlagParser, argv: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Values by name, the options of METRICS together as `metrics`, and the flags for Beam."""
    known, rest = parser.parse_known_args(list(argv))
    _reject_unknown(rest)
    values = vars(known)
    metrics = MetricOptions(**{f.name: values.pop(f.name) for f in fields(MetricOptions)})
    _check_metrics(metrics)
    return {**values, "metrics": metrics}, tuple(rest)


def changed_options(options: EventOptions, parser: FlagParser) -> str:
    """The options that change rows and differ from their defaults, as JSON; none is a secret."""
    changed: dict[str, Any] = {
        name: value
        for name, value in {**vars(options.metrics), **vars(options)}.items()
        if name in CHANGES_ROWS and value != parser.get_default(name)
    }
    if dates := getattr(options, "dates", None):
        changed["start_date"], changed["end_date"] = map(str, dates)
    return json.dumps(changed, sort_keys=True)


CHANGES_ROWS = {
    *(field.name for field in fields(MetricOptions)),
    *("catalog", "question_catalog", "consent_file", "exclusion_file", "event_types_file"),
    *("geoip_database", "pseudonymous_topics", "max_future_seconds", "max_age_days"),
    *("lookback_days", "lookahead_days", "allowed_lateness_seconds"),
}
"""Names of the options that change rows, of all programs."""


def _reject_unknown(rest: Sequence[str]) -> None:
    """Beam only warns about flags that nobody knows; here they are errors."""
    parser = FlagParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in _subclasses(PipelineOptions):
        add = getattr(options, "_add_argparse_args", None)
        if add is not None and options.__module__.startswith("apache_beam"):
            add(parser)
    add_runner_flags(parser, rest)
    for action in parser._actions:
        action.required = False
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise UsageError(f"unknown option {unknown[0]}; --help lists the options")


def _subclasses(cls: type[Any]) -> list[type[Any]]:
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


def fail(message: str, code: int = 2) -> int:
    """Print one line on standard error; the exit code."""
    print(f"chapterflow: {message}", file=sys.stderr)
    return code
