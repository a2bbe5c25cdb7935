"""What is written down about a run? Its row in `ops.pipeline_runs`."""

import datetime
import json
import uuid
from collections import Counter
from dataclasses import dataclass

import polars as pl

from transforms.calendar import Dates
from transforms.present import present

OUTCOMES = ("events", "duplicates", "dead_letters", "excluded", "dropped", "out_of_range")
"""What can become of a record; the counts add up to the records read."""
_OTHER_COUNTS = (
    "late", "without_consent", "clipped_scroll_depths", "unknown_chapters", "id_conflicts",
    "sessions",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What is known of a run before it reads anything. JSON texts hold no secrets.

    `replayed`: ids of the dead letters that the run puts where they belong. `is_forced`: the run
    may write dates that a running stream owns. `checkpoint_options`: of a stream, marks of the
    options that its checkpoints belong to.
    """

    run_id: str
    mode: str
    started_at: datetime.datetime
    code_version: str
    options: str
    inputs: str
    dates: Dates = None
    replayed: tuple[str, ...] = ()
    is_forced: bool = False
    checkpoint_options: str | None = None


def new_run_id(now: datetime.datetime) -> str:
    """A name for a run that starts now: names sort as runs began."""
    return f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def describe_run(
    run: Run,
    counts: Counter[str],
    versions: dict[str, int],
    status: str,
    owned_from: datetime.date | None = None,
) -> pl.DataFrame:
    """The row of `ops.pipeline_runs`; `owned_from`: first date that a running stream writes."""
    reasons = {k.partition("/")[2]: n for k, n in counts.items() if k.startswith("dead_letters/")}
    now = datetime.datetime.now(datetime.UTC)
    values = {
        "run_id": run.run_id,
        "run_date": run.started_at.date(),
        "mode": run.mode,
        "status": status,
        "started_at": run.started_at,
        "finished_at": now,
        "code_version": run.code_version,
        "options": run.options,
        "inputs": run.inputs,
        **{name: counts[name] for name in ("records_read", *OUTCOMES, *_OTHER_COUNTS)},
        "dead_letters_by_reason": json.dumps(reasons, sort_keys=True),
        "table_versions": json.dumps(versions, sort_keys=True),
        "owned_from_date": owned_from,
        "checkpoint_options": run.checkpoint_options,
    }
    return present("pipeline_runs", pl.DataFrame([values]), run.started_at)
