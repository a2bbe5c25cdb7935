"""May a stream go on from its checkpoint, and as which run? Only with the options it had."""

import contextlib
import dataclasses
import datetime
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pipelines import VERSION
from pipelines.flags import UsageError
from pipelines.options import changed_options
from pipelines.outputs.describe_run import Run, new_run_id
from pipelines.services import flink
from pipelines.stream_flags import build_parser
from pipelines.stream_options import StreamOptions

_MAY_HOLD_SECRETS = ("kafka_options", "live_store")
_RUN_FILE, _LOCK_FILE = "run.json", "lock"
_MAY_CHANGE = {
    *("alerts", "beam", "commit_interval_seconds", "publish_seconds", "flink_heap", "from_scratch"),
    *("health_file", "log_format", "metrics_port", "start_from", "state"),
    *("pseudonym_key_file", "pseudonym_key_secret"),
    *("raw_file_bytes", "raw_file_seconds", "start_timeout_seconds"),
}
"""Options that are neither in the state of a checkpoint nor in the steps that it belongs to."""


def resume_run(options: StreamOptions, inputs: str, fingerprint: str) -> Run:
    """The run whose checkpoint the stream goes on from, or a new one.

    Counts are kept in checkpoints, so that the run stays the same across restarts. `fingerprint`
    stands for the files that the options name. Raises UsageError for other options than before: the
    source and the steps of the graph are part of a checkpoint, and rows that other options
    made could not be corrected.
    """
    now = datetime.datetime.now(datetime.UTC)
    known = {"run_id": new_run_id(now), "started_at": str(now)}
    if not options.has_own_runner:
        known = _remember(options, known, _facts(options, fingerprint))
    return Run(
        run_id=known["run_id"],
        mode="streaming",
        started_at=datetime.datetime.fromisoformat(known["started_at"]),
        code_version=VERSION,
        options=changed_options(options, build_parser()),
        inputs=json.dumps([inputs]),
    )


def _remember(options: StreamOptions, new: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    folder = Path(options.state)
    if options.from_scratch:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _RUN_FILE
    known = {**new, "facts": facts}
    if file.exists() and flink.latest_checkpoint(folder):
        known = json.loads(file.read_text())
        _check(known["facts"], facts, options.state)
    file.write_text(json.dumps(known, indent=1))
    _forget_old_jobs(folder)
    return known


def _facts(options: StreamOptions, fingerprint: str) -> dict[str, Any]:
    """The options that must stay as they are, as JSON has them."""
    values = dataclasses.asdict(options)
    kept = {name: value for name, value in values.items() if name not in _MAY_CHANGE}
    for name in _MAY_HOLD_SECRETS:
        kept[name] = hashlib.sha256(json.dumps(kept[name], sort_keys=True).encode()).hexdigest()
    kept |= {"code version": VERSION, "contents of the files named": fingerprint}
    return json.loads(json.dumps(kept))


def _check(before: dict[str, Any], now: dict[str, Any], state: str) -> None:
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise UsageError(
            f"the checkpoint in {state} was made with another {', '.join(sorted(changed))}: start "
            "with the same as before, or give --from_scratch (see docs/streaming.md)"
        )


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
