"""How does an update of live figures reach Redis? As one round trip, merged by a script there.

The script runs whole or not at all and merges: an update that comes twice, late or after newer ones
leaves what it would have left in order. So a sender repeats whatever it is not sure of.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipelines.live import keys
from pipelines.live.keys import LiveKeys
from transforms.describe_live import LATEST, LiveUpdate, StudentUpdate
from transforms.options import MetricOptions

STUDENTS_AT_ONCE = 250
"""Of one call of the script: the store serves nobody else meanwhile (3 ms)."""
_SCRIPT = resources.files(__package__).joinpath("merge_live.lua")
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class PackedUpdate:
    """An update as the store takes it. `size_bytes` is about what it holds in memory."""

    chunks: list[bytes]
    latest: dict[str, int]
    event_count: int
    received_ms: int | None
    size_bytes: int


def pack_update(update: LiveUpdate) -> PackedUpdate:
    """The update in pieces of at most STUDENTS_AT_ONCE students."""
    watermark = max(update.watermark_ms or 0, 0)
    students = [_plain(student) for student in update.students]
    chunks = [
        _encode((update.newest_ms, watermark, update.cells, students[at : at + STUDENTS_AT_ONCE]))
        for at in range(0, len(students), STUDENTS_AT_ONCE)
    ]
    latest = {json.dumps(event, ensure_ascii=False): event[0] for event in update.latest}
    size = sum(map(len, chunks)) + sum(map(len, latest))
    return PackedUpdate(chunks, latest, update.event_count, update.received_ms, size)


class LiveStore:
    """The live store at a connection; `open_client` makes one."""

    def __init__(self, client: Any, options: MetricOptions, keys: LiveKeys | None = None) -> None:
        self._client = client
        self._keys = keys or LiveKeys()
        self._settings = _encode(_settings(options))
        self._script = ""

    def write(self, updates: Sequence[PackedUpdate], now_ms: int) -> None:
        """Merge updates in one round trip. `now_ms`: the clock, for the lag. RedisError."""
        try:
            self._write(updates, now_ms)
        except redis.exceptions.NoScriptError:  # the server was started again
            self._script = ""
            self._write(updates, now_ms)

    def _write(self, updates: Sequence[PackedUpdate], now_ms: int) -> None:
        if not self._script:
            self._script = self._client.script_load(_SCRIPT.read_text("utf-8"))
        batch = self._client.pipeline(transaction=False)
        for chunk in (chunk for update in updates for chunk in update.chunks):
            batch.evalsha(self._script, 0, self._keys.prefix, chunk, self._settings)
        for update in updates:
            batch.zadd(self._keys.latest, update.latest)
        batch.expire(self._keys.latest, keys.STUDENT_SECONDS)
        batch.zremrangebyrank(self._keys.latest, 0, -LATEST - 1)
        batch.hset(self._keys.pipeline, mapping=_lag(updates, now_ms))
        batch.execute()


def open_client(url: str, timeout_seconds: float = 2.0) -> redis.Redis:
    """A client of redis://, rediss:// or unix://; nothing is connected yet. ValueError."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),  # whoever asks decides when to try again
    )


def _plain(student: StudentUpdate) -> tuple[Any, ...]:
    # The store's MessagePack knows no binary: bytes travel as a text with a 32-bit length.
    entries = msgspec.Raw(b"\xdb" + len(student.entries).to_bytes(4) + student.entries)
    return student._replace(entries=entries)  # type: ignore[arg-type]


def _lag(updates: Sequence[PackedUpdate], now_ms: int) -> dict[str, int]:
    received = max((u.received_ms for u in updates if u.received_ms is not None), default=None)
    lag = {} if received is None else {"lag_ms": max(now_ms - received, 0)}
    return {"written_ms": now_ms, **lag}


def _settings(options: MetricOptions) -> dict[str, int]:
    return {
        "gap_ms": options.session_gap_ms,
        "window_minutes": keys.WINDOW_MINUTES,
        "minute_seconds": keys.MINUTE_SECONDS,
        "recent_seconds": keys.RECENT_SECONDS,
        "student_seconds": keys.STUDENT_SECONDS,
        "last_ms": keys.LAST_MS,
        "log_entries": keys.LOG_ENTRIES,
        "most_recent_bytes": keys.MOST_RECENT_BYTES,
        "most_sessions": keys.SESSIONS_OF_STUDENT,
    }
