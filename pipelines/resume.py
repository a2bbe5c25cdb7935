"""May a stream go on from its checkpoint, and as which run? Only with the options it had."""

import contextlib
import datetime
import fcntl
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlparse

from pipelines import VERSION
from pipelines.options.batch_options import changed_options
from pipelines.options.checkpoint_options import Marks, refuse_changed
from pipelines.options.flags import UsageError
from pipelines.options.runner_flags import savepoint_of
from pipelines.options.stream_flags import build_parser
from pipelines.options.stream_options import StreamOptions
from pipelines.outputs.describe_run import Run, new_run_id
from pipelines.outputs.earlier_streams import EarlierStream, earlier_streams, stream_of_checkpoint
from pipelines.outputs.open_warehouse import Tables
from pipelines.services import flink

_LOG = logging.getLogger("chapterflow.streaming")
_RUN_FILE, _LOCK_FILE = "run.json", "lock"
_WAREHOUSE = "warehouse"


def resume_run(options: StreamOptions, inputs: str, marks: Marks, lake: Tables) -> Run:
    """The run whose checkpoint the stream goes on from, or a new one.

    Counts are kept in checkpoints, so that the run stays the same across restarts. On a Flink of
    its own the folder of checkpoints tells which run they belong to, on a cluster (with
    `--savepoint_path`) the warehouse does. `marks`: of `mark_options`. Raises UsageError for other
    options than before.
    """
    now = datetime.datetime.now(datetime.UTC)
    known = {"run_id": new_run_id(now), "started_at": str(now)}
    if not options.has_own_runner:
        known = _remember(options, known, marks)
    elif savepoint := savepoint_of(options.beam):
        known = _registered(options, savepoint, json.dumps([inputs]), marks, lake)
    return Run(
        run_id=known["run_id"],
        mode="streaming",
        started_at=datetime.datetime.fromisoformat(known["started_at"]),
        code_version=VERSION,
        options=changed_options(options, build_parser()),
        inputs=json.dumps([inputs]),
        checkpoint_options=json.dumps(marks, sort_keys=True),
    )


def _remember(options: StreamOptions, new: dict[str, Any], marks: Marks) -> dict[str, Any]:
    folder = Path(options.state)
    if options.from_scratch:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _RUN_FILE
    known = {**new, "marks": marks}
    if file.exists() and flink.latest_checkpoint(folder):
        known = json.loads(file.read_text())
        whose = f"the checkpoint in {options.state}"
        refuse_changed(known.get("marks"), marks, whose, "give --from_scratch")
        known["marks"] = marks
    file.write_text(json.dumps(known, indent=1))
    _forget_old_jobs(folder)
    return known


def _registered(
    options: StreamOptions, savepoint: str, inputs: str, marks: Marks, lake: Tables
) -> dict[str, Any]:
    """The run of the warehouse that a checkpoint or savepoint of a cluster belongs to."""
    if options.from_scratch:
        raise UsageError("give --from_scratch or --savepoint_path, not both")
    stream = stream_of_checkpoint(earlier_streams(lake), inputs, _taken_at(savepoint))
    if stream is None:
        raise UsageError(
            f"no stream that {savepoint} could be of is registered in {options.warehouse}: give "
            "its warehouse, or leave out --savepoint_path"
        )
    _check(stream, savepoint, marks)
    _LOG.info("going on as the run before", extra={"fields": {"run_id": stream.run_id}})
    return {"run_id": stream.run_id, "started_at": str(stream.started_at)}


def _check(stream: EarlierStream, savepoint: str, marks: Marks) -> None:
    if stream.status == "completed":
        raise UsageError(
            f"the run {stream.run_id} of {savepoint} was ended for good, its dates may have been "
            "written anew: leave out --savepoint_path (see docs/streaming.md)"
        )
    # It is the same one, whatever it is called on this machine: it knows the run.
    before = stream.marks and {**stream.marks, _WAREHOUSE: marks[_WAREHOUSE]}
    whose = f"{savepoint} of the run {stream.run_id}"
    refuse_changed(before, marks, whose, "leave out --savepoint_path")


def _taken_at(savepoint: str) -> datetime.datetime | None:
    """When a checkpoint was complete, if its folder can be reached from here."""
    place = urlparse(savepoint)
    if place.scheme not in ("", "file"):
        return None
    try:
        written = (Path(unquote(place.path)) / "_metadata").stat().st_mtime
    except OSError:
        return None
    return datetime.datetime.fromtimestamp(written, datetime.UTC)


def _forget_old_jobs(folder: Path) -> None:
    """Every start is a job with a folder of its own: only that of the last checkpoint is needed."""
    latest = flink.latest_checkpoint(folder)
    for job in (folder / "checkpoints").glob("*"):
        if latest is not None and job != latest.parent:
            shutil.rmtree(job, ignore_errors=True)


@contextlib.contextmanager
def locked_state(options: StreamOptions) -> Iterator[None]:
    """Keep others from the folder of checkpoints. Raises UsageError if another stream has it."""
    if options.has_own_runner:
        yield
        return
    Path(options.state).mkdir(parents=True, exist_ok=True)
    with (Path(options.state) / _LOCK_FILE).open("w") as file:
        _lock(file, options.state)
        yield


def _lock(file: IO[str], state: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(f"another stream runs with --state={state}: stop it first") from None
