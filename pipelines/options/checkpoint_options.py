"""Which options does a checkpoint belong to? Those it was made with; others are refused.

They are remembered as marks, keyed digests that tell whether an option is the same but not what
it is: some hold passwords, and the table of runs is read by many.
"""

import dataclasses
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any

from pipelines import VERSION
from pipelines.options.flags import UsageError
from pipelines.options.stream_options import StreamOptions

_LOG = logging.getLogger("chapterflow.streaming")
_MAY_CHANGE = {
    *("alerts", "beam", "commit_interval_seconds", "publish_seconds", "flink_heap", "from_scratch"),
    *("health_file", "log_format", "metrics_port", "start_from", "state"),
    *("pseudonym_key_file", "pseudonym_key_secret"),
    *("raw_file_bytes", "raw_file_seconds", "start_timeout_seconds"),
}
"""Options that are neither in the state of a checkpoint nor in the steps that it belongs to."""
_KEY = "pseudonym key"
_DIGITS = 16

Marks = Mapping[str, str]


def mark_options(options: StreamOptions, fingerprint: str, key: bytes) -> Marks:
    """A mark for each option that must stay as it is, by its name.

    `fingerprint` stands for the contents of the files that the options name, `key` is the key of
    the pseudonyms.
    """
    values = dataclasses.asdict(options)
    metrics = values.pop("metrics")
    kept = {name: value for name, value in values.items() if name not in _MAY_CHANGE}
    kept |= {"code version": VERSION, "contents of the files named": fingerprint, _KEY: ""}
    return {name: _mark(key, name, value) for name, value in {**metrics, **kept}.items()}


def refuse_changed(before: Marks | None, now: Marks, whose: str, otherwise: str) -> None:
    """Raise UsageError if a mark is not what it was; `before`: None if an older version made it.

    `whose`: the checkpoint, `otherwise`: what else can be done, in words. The source and the steps
    of the graph are part of a checkpoint, and rows that other options made could not be corrected.
    """
    if before is None:
        _LOG.warning("an older version made %s: its options are not compared", whose)
        return
    changed = sorted(name for name in now if before.get(name) != now[name])
    if _KEY in changed:
        # All marks are made with it.
        changed = [_KEY]
    if changed:
        raise UsageError(
            f"{whose} was made with another {', '.join(changed)}: start with the same as before, "
            f"or {otherwise} (see docs/streaming.md)"
        )


def _mark(key: bytes, name: str, value: Any) -> str:
    told = json.dumps([name, value], sort_keys=True, default=str)
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()[:_DIGITS]
