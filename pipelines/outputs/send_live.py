"""How do updates get to the live store without ever holding up the pipeline?

A thread sends what is queued, as much as there is at a time. While the store is away updates wait,
up to a number of bytes; then the oldest are given up and counted. What students do next makes their
figures right again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import redis

from pipelines.observability import observe
from pipelines.outputs.live_store import PackedUpdate

MOST_BYTES = 64 * 2**20
SENT_AT_ONCE_BYTES = 2**19
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0
_log = logging.getLogger("chapterflow.live")
_REFUSED_FOR_NOW = (
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.BusyLoadingError,
)


class Store(Protocol):
    """Where updates go: `LiveStore`."""

    def write(self, updates: Sequence[PackedUpdate], now_ms: int) -> None:
        """Merge them; RedisError when it is not known that they are there."""


@dataclass
class Sent:
    """Events by what became of them: written, given up for want of room, refused."""

    written: int = 0
    dropped: int = 0
    refused: int = 0


class LiveSender:
    """Sends updates to a store from a thread of its own, until it is closed."""

    def __init__(
        self,
        store: Store,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.sent = Sent()
        self._store, self._most_bytes, self._clock = store, most_bytes, clock
        self._queue: deque[PackedUpdate] = deque()
        self._queued_bytes, self._sending = 0, 0
        self._is_up, self._is_closed = True, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="live-sender", daemon=True)
        self._thread.start()

    def offer(self, update: PackedUpdate) -> None:
        """Queue an update; returns at once."""
        with self._changed:
            self._queue.append(update)
            self._queued_bytes += update.size_bytes
            self._make_room()
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Until everything is sent, `seconds` at most, not at all while the store is away."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle() or not self._is_up, seconds)
            return self._is_idle()

    def close(self, seconds: float) -> bool:
        """Send what is left within `seconds`, then end the thread; False if something is left."""
        with self._changed:
            is_done = self._changed.wait_for(self._is_idle, seconds)
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(seconds)
        return is_done

    def _is_idle(self) -> bool:
        return not self._queue and not self._sending

    def _make_room(self) -> None:
        while self._queued_bytes > self._most_bytes and len(self._queue) > 1:
            oldest = self._queue.popleft()
            self._queued_bytes -= oldest.size_bytes
            self.sent.dropped += oldest.event_count
            observe.count("live_events_dropped", oldest.event_count)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while updates := self._take():
            if self._send(updates):
                pause = FIRST_PAUSE_SECONDS
                continue
            self._put_back(updates)
            self._rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _take(self) -> list[PackedUpdate]:
        """The oldest updates, as soon as there are any; none when the sender is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            taken: list[PackedUpdate] = []
            size = 0
            while self._queue and size < SENT_AT_ONCE_BYTES and not self._is_closed:
                taken.append(self._queue.popleft())
                size += taken[-1].size_bytes
            self._queued_bytes -= size
            self._sending = len(taken)
            return taken

    def _send(self, updates: list[PackedUpdate]) -> bool:
        """Whether these are done with: written, or refused for good."""
        count, began = sum(update.event_count for update in updates), time.perf_counter()
        try:
            self._store.write(updates, int(self._clock() * 1000))
            self.sent.written += count
            observe.count("live_events", count)
            observe.observe("live_write_seconds", time.perf_counter() - began)
        except _REFUSED_FOR_NOW as error:
            return self._note_away(error)
        except redis.exceptions.ResponseError as error:  # it would be refused again
            _log.error("the live store refuses %d events: %s", count, error)
            self.sent.refused += count
            observe.count("live_events_refused", count)
        except (redis.exceptions.RedisError, OSError) as error:
            return self._note_away(error)
        self._note_done()
        return True

    def _note_away(self, error: Exception) -> bool:
        if self._is_up:
            _log.warning("the live store does not answer, events go on without it: %s", error)
        observe.count("live_store_errors")
        self._set_state(is_up=False)
        return False

    def _note_done(self) -> None:
        if not self._is_up:
            _log.info("the live store answers again")
        self._sending = 0
        self._set_state(is_up=True)

    def _set_state(self, is_up: bool) -> None:
        with self._changed:
            self._is_up = is_up
            self._changed.notify_all()
            waiting = sum(update.event_count for update in self._queue)
        observe.gauge("live_store_is_up", float(is_up))
        observe.gauge("live_events_waiting", float(waiting))

    def _put_back(self, updates: list[PackedUpdate]) -> None:
        with self._changed:
            self._queue.extendleft(reversed(updates))
            self._queued_bytes += sum(update.size_bytes for update in updates)
            self._sending = 0
            self._make_room()

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)
