"""What do the events of whole sessions say? Silver rows, and what they add to gold.

Pure and vectorised: a table of canonical events of many students in, tables out. Batch hands in
a shard of whole students, streaming the sessions that new events of a bundle's students touch.
"""

from dataclasses import dataclass, field, replace

import polars as pl

from transforms import calendar
from transforms.attempt_questions import attempt_questions
from transforms.calendar import Dates
from transforms.catalogue import Catalogue, Questions
from transforms.contribute import contribute
from transforms.cut_hours import cut_hours
from transforms.deduplicate import deduplicate
from transforms.detect import detect_anomalies
from transforms.options import MetricOptions
from transforms.sessionize import Timeline, sessionize
from transforms.sum_up import Computed, Frames, sum_up
from transforms.total_students import total_students
from transforms.trace_days import trace_days
from transforms.view_pages import view_pages
from transforms.visit_chapters import visit_chapters
from transforms.watch_videos import watch_videos

DATE_COLUMNS = {
    "events": "event_date",
    "sessions": "session_date",
    "page_views": "view_date",
    "chapter_visits": "visit_date",
    "video_views": "view_date",
    "question_attempts": "attempt_date",
    "anomalies": "date",
}
"""The tables that DERIVE makes, and the column that dates their rows."""


@dataclass(frozen=True)
class DeriveOptions:
    """What deriving depends on besides the events."""

    metrics: MetricOptions = field(default_factory=MetricOptions)
    catalogue: Catalogue = field(default_factory=Catalogue)
    questions: Questions = field(default_factory=Questions)
    dates: Dates = None


@dataclass
class Derived(Computed):
    """What events say; `traces`: see `trace_days`. `counts`: records by what became of them."""

    traces: Frames
    counts: dict[str, int]


def derive(events: pl.DataFrame, options: DeriveOptions) -> Derived:
    """Everything that canonical events (not empty, all of each session) say by themselves.

    Durations and times are milliseconds here; `present` gives tables their stored form. Only rows
    of the run's dates are kept; the other events are there to make sessions whole.
    """
    unique = deduplicate(events)
    timeline = sessionize(unique, options.metrics)
    visits = visit_chapters(timeline, options.catalogue, options.metrics)
    videos = watch_videos(timeline, options.metrics)
    attempts = attempt_questions(timeline, options.questions, options.metrics)
    anomalies = detect_anomalies(timeline, visits)
    hours = cut_hours(visits, options.metrics.reporting_timezone)
    rows = {
        "events": _events(timeline, options.metrics),
        "sessions": _flag_anomalous(timeline.sessions, anomalies),
        "page_views": view_pages(timeline, options.metrics),
        "chapter_visits": visits,
        "video_views": videos,
        "question_attempts": attempts,
        "anomalies": anomalies,
    }
    contributions = contribute(timeline, visits, hours, videos, attempts, options.metrics)
    traces = trace_days(timeline, visits, hours, videos, options.metrics)
    kept = {n: calendar.within(f, DATE_COLUMNS[n], options.dates) for n, f in rows.items()}
    added, left = (
        {n: calendar.within(f, "date", options.dates) for n, f in frames.items()}
        for frames in (contributions, traces)
    )
    return Derived(kept, added, left, _count(events, kept, options))


def derive_students(events: pl.DataFrame, options: DeriveOptions) -> Derived:
    """Everything that all canonical events (not empty) of students say, their days too."""
    derived = derive(events, options)
    days = total_students(derived.traces)
    contributions = dict(derived.contributions)
    for name, distinct in days.contributions.items():
        contributions[name] = sum_up(name, [contributions[name], distinct])
    return replace(derived, rows=derived.rows | days.rows, contributions=contributions)


def _events(timeline: Timeline, options: MetricOptions) -> pl.DataFrame:
    events, zone = timeline.events, options.reporting_timezone
    return events.with_columns(
        timeline.sessions["session_id"].gather(timeline.session),
        _id_conflicts(timeline).alias("is_id_conflict"),
        calendar.dates(events["occurred_ms"], zone).alias("event_date"),
        calendar.hours(events["occurred_ms"], zone).alias("event_hour"),
    )


def _id_conflicts(timeline: Timeline) -> pl.Series:
    """True where the session has the event's id more than once."""
    ids = timeline.events["event_id"]
    is_repeated = ids.is_duplicated()
    if not is_repeated.any():
        return is_repeated
    return pl.DataFrame({"session": timeline.session, "id": ids}).is_duplicated()


def _flag_anomalous(sessions: pl.DataFrame, anomalies: pl.DataFrame) -> pl.DataFrame:
    odd = anomalies["session_id"].drop_nulls().unique().to_list()
    return sessions.with_columns(is_anomalous=pl.col("session_id").is_in(odd))


def _count(events: pl.DataFrame, rows: Frames, options: DeriveOptions) -> dict[str, int]:
    """Records by what became of them; those around the run's dates count apart."""
    dates = calendar.dates(events["occurred_ms"], options.metrics.reporting_timezone)
    in_range = events.height
    if options.dates is not None:
        in_range = int(dates.is_between(*options.dates).sum())
    kept = rows["events"]
    return {
        "events": kept.height,
        "duplicates": in_range - kept.height,
        "out_of_range": events.height - in_range,
        "id_conflicts": int(kept["is_id_conflict"].sum()),
        "sessions": rows["sessions"].height,
    }
