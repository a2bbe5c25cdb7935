"""How are the files of an inbox handed on record by record, with a place to resume at?"""

import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pipelines.inputs.opening import InputError
from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.inbox_files import DoneFolder, InboxFile, waiting_files
from pipelines.inputs.streams.inbox_lines import records_of
from pipelines.inputs.streams.marks import StreamMark
from pipelines.inputs.streams.paces import Pace
from pipelines.inputs.streams.sources import StreamReader
from pipelines.inputs.streams.watermarks import Watermark
from transforms.peek_times import peek_event_ms
from transforms.read_times import read_time
from transforms.unwrap import open_envelope

if TYPE_CHECKING:
    from pipelines.inputs.streams.inbox import InboxStream

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.04
_LONG_POLL_SECONDS, _SHORT_POLL_SECONDS = 0.5, 0.05
_AGAIN_SECONDS = 30.0


@dataclass
class InboxMark(StreamMark):
    """Where reading goes on: in which file, after how many records.

    `finished`: files that were read and not yet moved away; `moved`: number of the last that was.
    """

    path: str = ""
    record_count: int = 0
    finished: list[str] = field(default_factory=list)
    moved: int | None = None


@dataclass
class _Open:
    """The file being read, and how many of its records were handed on."""

    file: InboxFile
    changed_ms: int
    records: Iterator[tuple[str, bytes]]
    count: int = 0


class InboxReader(StreamReader):
    """Reads the files of an `InboxStream` until it is closed."""

    def __init__(self, source: "InboxStream", mark: InboxMark | None) -> None:
        super().__init__(Watermark(source.watermark))
        self._source, self._mark = source, mark or InboxMark()
        self._hold_seconds = 2 * source.checkpoint_interval_seconds
        self._mark.restore(self.watermark, _now_ms())
        self._done = DoneFolder(source.folder)
        if self._mark.moved is not None:
            self._done.give_back(self._mark.moved, set(self._mark.finished))
        left = [path for path in self._mark.finished if os.path.exists(self._at(path))]
        self._finished = deque((path, time.monotonic()) for path in left)
        self._refused: dict[str, float] = {}
        self._looking = Pace(1.0)
        self._waiting: deque[InboxFile] = deque()
        self._open: _Open | None = None
        self._bundle_count = 0

    def advance(self) -> bool:
        """Go to the next record; False after half a second without one.

        In a bundle that gave records already it is False sooner, so that they are not held back.
        """
        wait_seconds = _SHORT_POLL_SECONDS if self._bundle_count else _LONG_POLL_SECONDS
        deadline = time.monotonic() + wait_seconds
        while (found := self._next()) is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        self._bundle_count += 1
        self._take(*found)
        return True

    def get_checkpoint_mark(self) -> InboxMark:
        """The place after the current record. A bundle ends here."""
        self._bundle_count = 0
        self._move_finished()
        watermark, moved = self.watermark, self._done.last
        path, count = self._mark.path, self._mark.record_count
        if self._open is not None:
            path, count = self._open.file.path, self._open.count
        finished = [name for name, _ in self._finished]
        known = dict(watermark.partitions)
        self._mark = InboxMark(watermark.value_ms, known, path, count, finished, moved)
        return self._mark

    def _at(self, path: str) -> str:
        return os.path.join(self._source.folder, path)

    def _next(self) -> tuple[_Open, str, bytes] | None:
        """The next record of the open file or those waiting, with its line."""
        while self._open is not None or self._open_next():
            assert self._open is not None
            found = self._read_on(self._open)
            if found is not None:
                return self._open, *found
            self._open = None
        return None

    def _read_on(self, current: _Open) -> tuple[str, bytes] | None:
        """The next record; None after the last, when the file is finished."""
        try:
            found = next(current.records, None)
        except (InputError, FileNotFoundError) as error:
            log.error("%s: %s; trying again", self._source.name, error)
            self._refused[current.file.path] = time.monotonic() + _AGAIN_SECONDS
            return None
        if found is None:
            self._finished.append((current.file.path, time.monotonic()))
        else:
            current.count += 1
        return found

    def _open_next(self) -> bool:
        now = time.monotonic()
        if self._looking.is_due(now) or not self._waiting:
            self._look(now)
        if not self._waiting:
            return False
        file = self._waiting.popleft()
        path = self._at(file.path)
        # Only the file that was open at the mark has records that were handed on.
        skipped = self._mark.record_count if file.path == self._mark.path else 0
        records = islice(records_of(path), skipped, None)
        self._open = _Open(file, _changed_ms(path), records, skipped)
        return True

    def _look(self, now: float) -> None:
        """See what is waiting; topics of which nothing is may be idle."""
        asked_ms = _now_ms()
        self._refused = {path: at for path, at in self._refused.items() if at > now}
        known = {path for path, _ in self._finished} | self._refused.keys()
        self._waiting = deque(waiting_files(self._source.folder, self._source.topic, known))
        topics = {file.topic for file in self._waiting}
        for topic in topics:
            self.watermark.add(topic, asked_ms)
        for topic in self.watermark.partitions.keys() - topics:
            self.watermark.found_empty(topic, asked_ms)

    def _take(self, current: _Open, line: str, record: bytes) -> None:
        topic, received_ms = current.file.topic, current.changed_ms
        envelope = open_envelope(record) if b'"record' in record else None
        if envelope is not None:
            content = envelope.content() or b""
            received_ms = read_time(envelope.received_at) or received_ms
        else:
            place = f"{current.file.path}:{line}"
            content, record = record, wrap_record(received_ms, topic, record, message_id=place)
        event_ms = peek_event_ms(content)
        self.watermark.observe(topic, event_ms, received_ms, _now_ms())
        self.give(record, event_ms, received_ms)

    def _move_finished(self) -> None:
        """Move away what was finished so long ago that a checkpoint holds it."""
        latest = time.monotonic() - self._hold_seconds
        while self._finished and self._finished[0][1] <= latest:
            self._done.take(self._finished.popleft()[0])


def _changed_ms(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns // 1_000_000
    except OSError:  # reading it will tell
        return _now_ms()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
