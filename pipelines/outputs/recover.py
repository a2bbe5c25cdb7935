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
from pipelines.readers.snapshot import CREATED, RUNS, completed_runs
from schemas import tables

STALE_AFTER = datetime.timedelta(days=1)
"""Staging that nothing was written to for that long belongs to no living run."""
SURELY_DEAD = datetime.timedelta(hours=1)
"""Commits of one run are seconds apart: one that is not complete by then never will be."""
_RUN_FOLDER = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
_KEEPS_ROWS = {
    *("OPTIMIZE", "VACUUM START", "VACUUM END", "RESTORE"),
    *("ADD COLUMN", "SET TBLPROPERTIES"),
}
_NEWEST_ROWS = 20
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
    whole = whole_versions(lake.open("pipeline_runs"))
    return [
        table.full_name
        for table in tables.tables().values()
        if table.full_name != RUNS
        and undo_half(lake.open(table.name), whole.get(table.full_name, CREATED), run_id)
    ]


def whole_versions(runs: DeltaTable) -> dict[str, int]:
    """The newest version of each table that a completed run or a stream names, by full name.

    Not only of the newest row: one that was written meanwhile may name older versions, and what is
    whole once stays so.
    """
    whole: dict[str, int] = {}
    for run in completed_runs(runs, _NEWEST_ROWS):
        for name, version in run.versions.items():
            whole[name] = max(version, whole.get(name, CREATED))
    return whole


def undo_half(delta: DeltaTable, base: int, living: str | None, dead: str = "") -> bool:
    """Put a table back to version `base` if all commits since are of runs that died; whether so.

    `living`: id of a run whose commits stay; `dead`: of one that is surely dead, also in a bucket.
    """
    if not _is_half(delta, base, living, dead):
        return False
    delta.restore(base)
    delta.update_incremental()
    return True


def remove_stale_staging(folder: str) -> None:
    """Remove what runs that died left in a local folder of staging more than a day ago."""
    if not storage.is_local(folder) or not Path(folder).is_dir():
        return
    limit = time.time() - STALE_AFTER.total_seconds()
    for path in Path(folder).iterdir():
        if _RUN_FOLDER.fullmatch(path.name) and _newest_change(path) < limit:
            shutil.rmtree(path, ignore_errors=True)


def _is_half(delta: DeltaTable, base: int, living: str | None, dead: str) -> bool:
    """Whether commits since `base` were made by runs that never became complete."""
    behind = delta.version() - base
    if behind <= 0:
        return False
    history = [c for c in delta.history(behind) if c["operation"] not in _KEEPS_ROWS]
    makers = {commit.get("run_id") for commit in history}
    if not makers or None in makers or living in makers:
        return False
    is_local = delta.table_uri.startswith("file:") or storage.is_local(delta.table_uri)
    return is_local or makers == {dead} or _is_old(history)


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
