"""Which stream does a checkpoint of a cluster belong to? The warehouse knows who wrote to it."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from deltalake.exceptions import TableNotFoundError

from pipelines.outputs.open_warehouse import Tables


@dataclass(frozen=True)
class EarlierStream:
    """A streaming run of a warehouse. `marks`: of the options its checkpoints belong to, if known.

    Its status: running (also after its job was cancelled), stopped, failed (another took its
    place) or completed (ended for good).
    """

    run_id: str
    inputs: str
    status: str
    started_at: datetime.datetime
    marks: Mapping[str, str] | None


def earlier_streams(lake: Tables) -> list[EarlierStream]:
    """All streaming runs of a warehouse, the oldest first; none of a warehouse that is not there.

    Also of one from before a column that the table of runs has now.
    """
    try:
        runs = lake.read("pipeline_runs")
    except TableNotFoundError:
        return []
    streams = runs.filter(pl.col("mode") == "streaming").sort("started_at", "run_id")
    return [_stream(row) for row in streams.iter_rows(named=True)]


def stream_of_checkpoint(
    streams: list[EarlierStream], inputs: str, taken_at: datetime.datetime | None
) -> EarlierStream | None:
    """The newest stream that had begun when a checkpoint was taken, of these inputs if one is.

    `taken_at`: None if that is not known from here. None: there is no such stream.
    """
    begun = [s for s in streams if taken_at is None or s.started_at <= taken_at]
    same = [s for s in begun if s.inputs == inputs]
    return next(reversed(same or begun), None)


def _stream(row: Mapping[str, Any]) -> EarlierStream:
    marks = row.get("checkpoint_options")
    return EarlierStream(
        row["run_id"], row["inputs"], row["status"], row["started_at"],
        json.loads(marks) if marks else None,
    )  # fmt: skip
