"""What did a run that died leave behind? The next run takes it back before it commits its own.

A run commits its tables one after the other. Died in between, it leaves some tables changed that
no row of `ops.pipeline_runs` names. Were they left so, the next run of other dates would name them,
and readers would see half a run.
"""

import contextlib
import datetime
import fcntl
import logging
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from pipelines import storage
from pipelines.outputs.lake import Lake
from pipelines.snapshot import CREATED, RUNS, newest_completed
from schemas import tables

STALE_AFTER = datetime.timedelta(days=1)
"""Staging that nothing was written to for that long belongs to no living run."""
SURELY_DEAD = datetime.timedelta(hours=1)
"""Commits of one run are seconds apart: one that is not complete by then never will be."""
_RUN_FOLDER = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
_KEEPS_ROWS = {"OPTIMIZE", "VACUUM START", "VACUUM END", "RESTORE"}
_LOG = logging.getLogger("chapterflow")


@contextlib.contextmanager
def committing(warehouse: str) -> Iterator[None]:
    """Let one run commit at a time, in local folders; the lock of one that dies is free at once."""
    if not storage.is_local(warehouse):
        yield
        return
    with Path(warehouse, "_commit.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def undo_dead_runs(lake: Lake, run_id: str) -> list[str]:
    """Put tables back to what the newest completed run names; the names of those that were not.

    To be called while `committing`. Only commits of batch runs are undone, and never those of
    `run_id` itself, whose commit step may be tried again. In a bucket, where nothing tells a living
    run from a dead one, only old commits are.
    """
    newest = newest_completed(lake.open("pipeline_runs"))
    named = newest.versions if newest else {}
    undone = []
    for table in tables.tables().values():
        base = named.get(table.full_name, CREATED)
        delta = lake.open(table.name)
        if table.full_name != RUNS and _is_half(delta, base, run_id, lake.warehouse):
            delta.restore(base)
            undone.append(table.full_name)
    return undone


def remove_stale_staging(folder: str) -> None:
    """Remove what runs that died left in a local folder of staging more than a day ago."""
    if not storage.is_local(folder) or not Path(folder).is_dir():
        return
    limit = time.time() - STALE_AFTER.total_seconds()
    for path in Path(folder).iterdir():
        if _RUN_FOLDER.fullmatch(path.name) and _newest_change(path) < limit:
            shutil.rmtree(path, ignore_errors=True)


def _is_half(delta: DeltaTable, base: int, run_id: str, warehouse: str) -> bool:
    """Whether commits since `base` were made by runs that never became complete."""
    behind = delta.version() - base
    if behind <= 0:
        return False
    history = [c for c in delta.history(behind) if c["operation"] not in _KEEPS_ROWS]
    makers = {commit.get("run_id") for commit in history}
    if not makers or None in makers or run_id in makers:
        return False
    return storage.is_local(warehouse) or _is_old(history)


def _is_old(history: list[dict[str, Any]]) -> bool:
    youngest = max(commit["timestamp"] for commit in history) / 1000
    if time.time() - youngest > SURELY_DEAD.total_seconds():
        return True
    runs = ", ".join(sorted({commit["run_id"] for commit in history}))
    _LOG.warning("run %s has not completed; if it died, run its dates again", runs)
    return False


def _newest_change(folder: Path) -> float:
    times = [path.stat().st_mtime for path in (folder, *folder.rglob("*")) if path.exists()]
    return max(times, default=time.time())
