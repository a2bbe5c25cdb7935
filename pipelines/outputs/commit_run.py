"""What makes a run visible? A commit per table, then the run's row that names their versions."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import polars as pl

from pipelines import storage
from pipelines.outputs.describe_run import OUTCOMES, Run, describe_run
from pipelines.outputs.follow_trends import ANOMALIES, CHAPTERS, find_trends
from pipelines.outputs.open_warehouse import (
    Tables,
    committed_row,
    open_warehouse,
    taking_turn,
)
from pipelines.outputs.owned_dates import all_dates, refuse_owned
from pipelines.outputs.write_rows import NewFile
from schemas import tables
from transforms.derive import DeriveOptions
from transforms.describe_dimensions import (
    describe_chapters,
    describe_courses,
    describe_dates,
    describe_questions,
)
from transforms.detect_chapters import TREND_KINDS, detect_low_engagement, touched_by
from transforms.present import present

_ENGAGEMENT_COLUMNS = (
    "date", "course_id", "chapter_id", "visits_count", "drop_off_rate", "median_active_seconds",
)  # fmt: skip


class LostRecordsError(Exception):
    """The counts of a run do not add up: some record is lost or counted twice."""


@dataclass
class Facts:
    """What a run has to commit: files by table, staged dead letters, counts, dates of events."""

    files: dict[str, list[NewFile]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    dates: set[datetime.date] = field(default_factory=set)


class CommitRun(beam.PTransform):
    """Commit the tables of a run, once everything is written.

    Input: NewFile and (counts, dates). Output: the row of `ops.pipeline_runs`.
    Errors: LostRecordsError, before anything is committed.
    """

    def __init__(self, warehouse: str, staging: str, run: Run, known: DeriveOptions) -> None:
        super().__init__()
        self.commit = _Commit(warehouse, staging, run, known)

    def expand(self, facts: beam.PCollection) -> beam.PCollection:
        """Wire the commit: all facts in one place."""
        start = facts.pipeline | "BeginFacts" >> beam.Create([(None, None)])
        keyed = facts | "KeyFacts" >> beam.Map(lambda fact: (None, fact))
        gathered = (
            (keyed, start) | "JoinFacts" >> beam.Flatten() | "GatherFacts" >> beam.GroupByKey()
        )
        return gathered | "CommitTables" >> beam.ParDo(self.commit)


class _Commit(beam.DoFn):
    def __init__(self, warehouse: str, staging: str, run: Run, known: DeriveOptions) -> None:
        self.warehouse, self.staging, self.run, self.known = warehouse, staging, run, known

    def process(self, element: tuple[None, Iterable[Any]]) -> Iterator[dict[str, Any]]:
        facts = gather(element[1])
        lake = open_warehouse(self.warehouse, self.staging)
        yield commit_run(lake, self.staging, self.run, facts, self.known)


def gather(facts: Iterable[Any]) -> Facts:
    """The facts of all workers as one."""
    gathered = Facts()
    for fact in facts:
        if isinstance(fact, NewFile):
            gathered.files.setdefault(fact.table, []).append(fact)
        elif fact is not None:
            gathered.counts.update(fact[0])
            gathered.dates.update(fact[1])
    return gathered


def commit_run(
    lake: Tables, staging: str, run: Run, facts: Facts, known: DeriveOptions
) -> dict[str, Any]:
    """One commit per table, last the row of the run; the row.

    Errors: LostRecordsError, OwnedDatesError, before anything is committed.
    """
    check_counts(facts.counts)
    if row := committed_row(lake, run.run_id):
        return row
    with taking_turn(lake, run.run_id):
        return _commit_tables(lake, staging, run, facts, known)


def _commit_tables(
    lake: Tables, staging: str, run: Run, facts: Facts, known: DeriveOptions
) -> dict[str, Any]:
    dates = dates_of_run(run, facts)
    if not run.is_forced:
        refuse_owned(lake, dates)
    if run.replayed:
        _check_nothing_shrinks(lake, facts.counts, dates)
    for table in daily_tables():
        lake.replace_dates(table, facts.files.get(table, []), dates, run.run_id)
    _commit_anomalies(lake, run, facts, dates, known.catalogue.expected)
    commit_dimensions(lake, run, known)
    lake.merge_new("dead_letters", _staged_dead_letters(staging, facts, run), run.run_id)
    if run.replayed:
        lake.mark_replayed(run.replayed, run.run_id)
    row = describe_run(run, facts.counts, lake.versions(), "completed")
    lake.complete(row)
    return row.row(0, named=True)


def check_counts(counts: Counter[str]) -> None:
    """Raise LostRecordsError unless every record read became exactly one thing."""
    accounted = sum(counts[name] for name in OUTCOMES)
    if accounted != counts["records_read"]:
        parts = ", ".join(f"{name} {counts[name]}" for name in OUTCOMES)
        raise LostRecordsError(f"read {counts['records_read']} records, but: {parts}")


def _check_nothing_shrinks(lake: Tables, counts: Counter[str], dates: set[datetime.date]) -> None:
    """A replay adds to its dates: fewer events mean that the input given is not all there was."""
    stored = lake.read("events", dates, ["event_id"]).height
    if counts["events"] < stored:
        raise LostRecordsError(
            f"the warehouse holds {stored} events of the letters' dates, the input only "
            f"{counts['events']}; name the files they came from with --input"
        )


def dates_of_run(run: Run, facts: Facts) -> set[datetime.date]:
    """The dates to replace: those asked for, else every date with events or rows."""
    if run.dates is not None:
        return all_dates(run.dates)
    written = {file.date for files in facts.files.values() for file in files if file.date}
    return facts.dates | written


def daily_tables() -> list[str]:
    """Silver and gold tables by day that a run replaces date by date, but anomalies."""
    return [
        table.name
        for table in tables.tables().values()
        if table.layer == "silver" or (table.layer == "gold" and table.partition == "date")
        if table.name not in (ANOMALIES, "alerts")
    ]


def _commit_anomalies(
    lake: Tables, run: Run, facts: Facts, dates: set[datetime.date], expected: pl.DataFrame
) -> None:
    """Anomalies of the run's dates, and trends of the days that those dates are the history of."""
    trending = touched_by(dates)
    later = trending - dates
    of_run = lake.read(CHAPTERS, dates, _ENGAGEMENT_COLUMNS)
    low = present(ANOMALIES, detect_low_engagement(of_run, expected), run.started_at)
    trends = find_trends(lake.read, trending, run.started_at)
    kept = lake.read(ANOMALIES, later).filter(~pl.col("kind").is_in(TREND_KINDS))
    rows = pl.concat([low, trends, kept.select(low.columns)])
    files = lake.write(ANOMALIES, rows) if not rows.is_empty() else []
    files += facts.files.get(ANOMALIES, [])
    lake.replace_dates(ANOMALIES, files, trending, run.run_id)


def commit_dimensions(lake: Tables, run: Run, known: DeriveOptions) -> None:
    """Dimensions follow the catalogues given, and the calendar the dates with events."""
    for table, frame in describe_dimensions(lake.dates("events"), known).items():
        rows = present(table, frame, run.started_at)
        files = lake.write(table, rows)
        lake.replace_dates(table, files, None, run.run_id)


def describe_dimensions(dates: set[datetime.date], known: DeriveOptions) -> dict[str, pl.DataFrame]:
    """Rows of the dimensions of which something is known, by table; `dates`: those with events."""
    catalogue, questions = known.catalogue, known.questions
    frames = {"dim_dates": describe_dates(dates)}
    if not catalogue.chapters.is_empty():
        frames["dim_courses"] = describe_courses(catalogue)
        frames["dim_chapters"] = describe_chapters(catalogue)
    frames["dim_questions"] = describe_questions(questions)
    return {table: frame for table, frame in frames.items() if not frame.is_empty()}


def _staged_dead_letters(staging: str, facts: Facts, run: Run) -> pl.DataFrame:
    folder = storage.join(staging, tables.get("dead_letters").path)
    date = tables.get("dead_letters").partition
    frames = [
        pl.read_parquet(
            storage.read_file(storage.join(folder, file.path)).to_pybytes()
        ).with_columns(pl.lit(file.date).alias(str(date)))
        for file in facts.files.get("dead_letters", [])
    ]
    return present("dead_letters", pl.concat(frames), run.started_at) if frames else pl.DataFrame()
