"""Which chapters' days stand out against their own past, and are they stored so? For all writers.

A trend (`TREND_KINDS` of `gold.anomalies`) compares a chapter's day with the 28 days before it, so
it is found in what is stored of these days, whoever stored it: batch runs and streams find it here.
"""

import datetime
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import polars as pl

from pipelines.outputs.keep_among import Among
from transforms.detect_chapters import TREND_KINDS, detect_trends, history_of, touched_by
from transforms.diff_rows import REVISION, diff_rows
from transforms.present import present

CHAPTERS, ANOMALIES = "chapter_engagement", "anomalies"
"""What trends are found in, and where they are kept."""
_COLUMNS = ("date", "course_id", "chapter_id", "median_time_per_visit_seconds")


class ReadRows(Protocol):
    """Gives the current rows of a table by its name, as `Lake.read` and `BigQueryWarehouse.read`.

    Only of some dates, when they are given, only some columns, and only with some texts.
    """

    def __call__(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
    ) -> pl.DataFrame: ...


def find_trends(
    read: ReadRows, dates: Collection[datetime.date], processed_at: datetime.datetime
) -> pl.DataFrame:
    """The trends of some dates as rows of `anomalies`, from the chapter-days that are stored."""
    chapters = read(CHAPTERS, history_of(dates), _COLUMNS)
    return present(ANOMALIES, detect_trends(chapters, dates), processed_at)


def trend_changes(
    read: ReadRows, changed: Collection[datetime.date], processed_at: datetime.datetime
) -> pl.DataFrame:
    """What has to change in `anomalies` because chapter-days of the dates `changed` did.

    Trends of these dates and of the 28 after each are found anew; those that are stored already
    are not told again. `read` must give the chapter-days with their changes, and the anomalies that
    readers see. Gives the columns of the table, `is_deleted` and `revision`; other kinds of
    anomalies, whose ids are other ones, do not occur.
    """
    dates = touched_by(changed)
    found = find_trends(read, dates, processed_at)
    # Of other kinds there are so many that each round would take longer than the one before.
    stored = read(ANOMALIES, dates, among={"kind": TREND_KINDS})
    known = stored.select(found.columns).cast(found.schema)
    changes = diff_rows(ANOMALIES, known, found)
    return changes.with_columns(pl.lit(1, pl.Int64).alias(REVISION))
