"""How far is a run, and what came of it? Progress on a terminal, logs, and the summary."""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import storage
from pipelines.graph import BatchPlan
from pipelines.options import BatchOptions
from pipelines.outputs.commit_run import OUTCOMES
from pipelines.outputs.lake import Lake

_LOG = logging.getLogger("chapterflow")


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """time, severity, message, and the fields given as `extra={"fields": …}`."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, default=str)


def start_logging(log_format: str) -> None:
    """Own messages at INFO, those of libraries at ERROR, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    _LOG.setLevel(logging.INFO)


@contextlib.contextmanager
def shown(plan: BatchPlan, options: BatchOptions) -> Iterator[None]:
    """Show on a terminal how many bytes of the input are read while the run lasts."""
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
    total = sum(chunk.size_bytes for chunk in plan.chunks)
    while not done.wait(0.5):
        spilled = list(Path(plan.staging, "events").glob("*.arrow"))
        stage = f"{len(spilled)} batches of events staged"
        print(f"\r\x1b[K{total / 1e6:,.1f} MB in {len(plan.chunks)} chunks: {stage}",
              end="", file=sys.stderr, flush=True)  # fmt: skip
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def summary_row(lake: Lake, run_id: str) -> dict[str, Any]:
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
