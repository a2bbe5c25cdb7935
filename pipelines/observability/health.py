"""Is a running pipeline well? When it last read, committed and heard from its source."""

import contextlib
import datetime
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STALE_AFTER_SECONDS = 120.0


class Health:
    """Moments of one process (seconds of `clock`, epoch); any thread may tell.

    Stale: events were read, but for `stale_after_seconds` none of them was committed; or a source
    that tells of its answers (`note_source`) has not for that long. An empty topic is no reason.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        stale_after_seconds: float = STALE_AFTER_SECONDS,
    ):
        self._clock, self._stale_after = clock, stale_after_seconds
        self._lock = threading.Lock()
        self._started = clock()
        self._read: float | None = None
        self._uncommitted: float | None = None
        self._committed: float | None = None
        self._answered: float | None = None
        self._lag_seconds: float | None = None

    def note_read(self, lag_seconds: float | None = None) -> None:
        """Events were read, the newest of them `lag_seconds` old."""
        with self._lock:
            self._read = self._clock()
            if self._answered is not None:
                self._answered = self._read
            self._lag_seconds = lag_seconds
            if self._uncommitted is None:
                self._uncommitted = self._read

    def note_commit(self) -> None:
        """What was read has been committed."""
        with self._lock:
            self._committed, self._uncommitted = self._clock(), None

    def commit_seconds_ago(self) -> float | None:
        """How long ago this process committed; None when it never did."""
        with self._lock:
            return None if self._committed is None else self._clock() - self._committed

    def note_source(self) -> None:
        """The source answered, if only that there is nothing."""
        with self._lock:
            self._answered = self._clock()

    def read(self) -> dict[str, Any]:
        """status ("ok" or "stale"), reason, and the moments as UTC texts, null where unknown."""
        with self._lock:
            reason = self._reason(self._clock())
            return {
                "status": "stale" if reason else "ok",
                "reason": reason,
                "started_at": _text(self._started),
                "last_event_read_at": _text(self._read),
                "last_commit_at": _text(self._committed),
                "last_source_answer_at": _text(self._answered),
                "lag_seconds": self._lag_seconds,
            }

    def render(self) -> str:
        """The same as a line of JSON."""
        return json.dumps(self.read()) + "\n"

    def _reason(self, now: float) -> str | None:
        if self._uncommitted is not None and now - self._uncommitted > self._stale_after:
            return f"nothing committed for {now - self._uncommitted:.0f} s although events came"
        if self._answered is not None and now - self._answered > self._stale_after:
            return f"no answer from the source for {now - self._answered:.0f} s"
        return None


HEALTH = Health()
"""Of this process."""


def write_health(path: str | os.PathLike[str], health: Health = HEALTH) -> None:
    """Write the health as JSON; a reader finds the old file or the new one, never half of one."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_text(health.render(), encoding="utf-8")
    partial.replace(target)


def keep_health(path: str | os.PathLike[str], every_seconds: float = 5.0) -> Callable[[], None]:
    """Write the health again and again from a thread of its own; call what is returned to end."""
    done = threading.Event()

    def _keep() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):  # a full disk must not end the pipeline
                write_health(path)
            done.wait(every_seconds)

    threading.Thread(target=_keep, name="health", daemon=True).start()
    return done.set


def _text(moment: float | None) -> str | None:
    if moment is None:
        return None
    at = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
