"""How far is a run, and what came of it? Progress on a terminal, logs, and the summary."""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import polars as pl

from pipelines import shuffle, storage
from pipelines.graph import BatchPlan
from pipelines.observability.logs import start_logging as start_logging
from pipelines.options.batch_options import BatchOptions
from pipelines.outputs.commit_run import OUTCOMES
from pipelines.outputs.open_warehouse import Tables

_LOG = logging.getLogger("chapterflow")


@contextlib.contextmanager
def shown(plan: BatchPlan, options: BatchOptions) -> Iterator[None]:
    """Show on a terminal how far the run is while it lasts."""
    is_shown = sys.stderr.isatty() and options.log_format == "text"
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(plan, done), daemon=True)
    if is_shown and storage.is_local(plan.staging):
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.ident:
            thread.join()


def _show(plan: BatchPlan, done: threading.Event) -> None:
    while not done.wait(0.5):
        print(f"\r\x1b[K{describe_progress(plan)}", end="", file=sys.stderr, flush=True)
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def describe_progress(plan: BatchPlan) -> str:
    """How far a run with local staging is, in words: what is read, then what is derived."""
    size = sum(chunk.size_bytes for chunk in plan.chunks) / 1e6
    events = shuffle.staged_events(plan.staging)
    begun = shuffle.loaded_shards(plan.staging)
    if not begun:
        return f"reading {size:,.1f} MB in {len(plan.chunks)} chunks: {events:,} events so far"
    shards = plan.parse.clean.shards
    return f"deriving {events:,} events: shard {min(begun, shards)} of up to {shards}"


def summary_row(lake: Tables, run_id: str) -> dict[str, Any]:
    """The row of a run."""
    runs = lake.read("pipeline_runs")
    return runs.filter(pl.col("run_id") == run_id).row(0, named=True)


def summarise(row: dict[str, Any], seconds: float, log_format: str) -> None:
    """What came of a run: on standard output as text, or as one line of JSON in the log."""
    rate = row["records_read"] / seconds if seconds else 0.0
    reasons = json.loads(row["dead_letters_by_reason"])
    counts = {name: row[name] for name in ("records_read", *OUTCOMES, "sessions")}
    if log_format == "json":
        fields = {**counts, "dead_letters_by_reason": reasons, "seconds": round(seconds, 3),
                  "events_per_second": round(rate), "run_id": row["run_id"]}  # fmt: skip
        _LOG.info("run completed", extra={"fields": fields})
        return
    print(f"Run {row['run_id']} completed in {seconds:.1f} s ({rate:,.0f} records per second)")
    for name, count in counts.items():
        print(f"  {name.replace('_', ' '):<16}{count:>14,}")
    for reason, count in sorted(reasons.items()):
        print(f"    {reason:<18}{count:>10,}")
