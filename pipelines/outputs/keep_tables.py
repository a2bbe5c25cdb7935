"""How do the tables of a warehouse follow a stream? All changes of a checkpoint are one round."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.outputs.bigquery.address import is_bigquery, parse
from pipelines.outputs.commit_changes import ChangeCommits, open_changes
from pipelines.outputs.commit_stream import StreamCommits, StreamFacts
from pipelines.outputs.describe_run import Run
from pipelines.outputs.lake import Lake
from pipelines.outputs.owned_dates import FirstOwned
from pipelines.outputs.stable import UNUSED, StableParDo
from transforms.derive import DeriveOptions
from transforms.note_trend_dates import TREND_DATES
from transforms.tally_counts import RUN_COUNTS

_WATERMARK = "watermark_ms"

Change = tuple[str, pl.DataFrame]


class KeepTables(beam.PTransform):
    """Keep the tables of a warehouse current, in one round of commits per bundle.

    Input: (table, changes): columns as stored, `is_deleted`, `revision`; (RUN_COUNTS, one row):
    absolute counts of the run so far by their names in `ops.pipeline_runs`, those of dead letters
    by reason as `dead_letters/<reason>`, and `watermark_ms`; and (TREND_DATES, dates), whose trends
    are to be found anew.
    Output: the row of the run, after each round.
    State: none of its own; keyed by a constant, so that one subtask commits.
    Errors: UnwritableLakeError fails the bundle: it comes again, and offsets do not advance.
    """

    def __init__(
        self, warehouse: str, run: Run, known: DeriveOptions, first_owned: FirstOwned
    ) -> None:
        super().__init__()
        self.keep = _Keep(warehouse, run, known, first_owned)

    def expand(self, changes: beam.PCollection) -> beam.PCollection:
        """Wire the commits: all changes in one place."""
        return (
            changes
            | "ForgetWindows" >> beam.WindowInto(GlobalWindows())
            | "InOnePlace"
            >> beam.Map(lambda change: (b"", change)).with_output_types(tuple[bytes, Any])
            | "CommitChanges" >> StableParDo(self.keep)
        )


class _Keep(beam.DoFn):
    def __init__(
        self, warehouse: str, run: Run, known: DeriveOptions, first_owned: FirstOwned
    ) -> None:
        self.warehouse = warehouse
        self.given = run, known, first_owned
        self._commits: StreamCommits | ChangeCommits | None = None
        self._changes: list[Change] = []

    def setup(self) -> None:
        self._commits = _open_commits(self.warehouse, *self.given)

    def start_bundle(self) -> None:
        self._changes = []

    def process(self, element: tuple[bytes, Change], _: Any = beam.DoFn.StateParam(UNUSED)) -> None:
        self._changes.append(element[1])

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if not self._changes:
            return
        assert self._commits is not None
        changes, self._changes = self._changes, []
        row = self._commits.commit(
            changes_by_table(changes), facts_of(changes), trend_dates_of(changes)
        )
        window = GlobalWindow()
        yield WindowedValue(row, window.max_timestamp(), (window,))


def _open_commits(
    warehouse: str, run: Run, known: DeriveOptions, first_owned: FirstOwned
) -> StreamCommits | ChangeCommits:
    if is_bigquery(warehouse):
        return open_changes(parse(warehouse), run, known, first_owned)
    return StreamCommits(Lake(warehouse), run, known, first_owned)


def changes_by_table(changes: Iterable[Change]) -> dict[str, pl.DataFrame]:
    """The changes of each table as one frame, in their order."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for table, frame in changes:
        if table not in (RUN_COUNTS, TREND_DATES) and not frame.is_empty():
            frames.setdefault(table, []).append(frame)
    return {table: pl.concat(f, how="diagonal_relaxed") for table, f in frames.items()}


def trend_dates_of(changes: Iterable[Change]) -> set[datetime.date]:
    """The dates whose trends are to be found anew."""
    return {date for table, frame in changes if table == TREND_DATES for date in frame["date"]}


def facts_of(changes: Iterable[Change]) -> StreamFacts | None:
    """The counts that count the most records, of these the last; None without any."""
    rows = [frame.row(-1, named=True) for table, frame in changes if table == RUN_COUNTS]
    if not rows:
        return None
    newest: dict[str, Any] = max(reversed(rows), key=_records_read)
    watermark_ms = newest.pop(_WATERMARK, None)
    return StreamFacts(Counter({name: n or 0 for name, n in newest.items()}), watermark_ms)


def _records_read(row: dict[str, Any]) -> int:
    return row.get("records_read") or 0
