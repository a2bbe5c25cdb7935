"""How does a test read a stream as Beam's wrapper does, but for a while only?"""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from pipelines.inputs.streams.sources import StreamReader, StreamSource

WAIT_SECONDS = 30.0


@dataclass
class Stream:
    """A reader and what it gave: parsed lines, their watermarks and times (epoch ms)."""

    source: StreamSource
    mark: Any = None
    lines: list[dict] = field(default_factory=list)
    watermarks: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    _is_started: bool = False

    def __post_init__(self) -> None:
        if self.mark is not None:
            coder = self.source.get_checkpoint_mark_coder()
            self.mark = coder.decode(coder.encode(self.mark))
        self.reader: StreamReader = self.source.create_reader(None, self.mark)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def step(self) -> bool:
        """One `start` or `advance`, and what it gave."""
        found = self.reader.advance() if self._is_started else self.reader.start()
        self._is_started = True
        if found:
            line, watermark_ms = self.reader.get_current()
            self.lines.append(json.loads(line))
            self.watermarks.append(watermark_ms)
            self.times.append(self.reader.get_current_timestamp().micros // 1000)
        return found

    def read(self, count: int, seconds: float = WAIT_SECONDS) -> "Stream":
        """Go on until so many records are there in all."""
        deadline = time.monotonic() + seconds
        while len(self.lines) < count:
            assert time.monotonic() < deadline, f"{len(self.lines)} of {count} records"
            if not self.step():
                self.cut()
        return self

    def read_until_quiet(self) -> "Stream":
        """Go on until a bundle gives nothing."""
        while self.step():
            pass
        self.cut()
        while self.step():
            self.cut()
        return self

    def wait_for(self, is_true, seconds: float = WAIT_SECONDS) -> None:
        """Go on until something holds."""
        deadline = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < deadline
            self.step()
            self.cut()

    def cut(self) -> Any:
        """End the bundle; its mark."""
        return self.reader.get_checkpoint_mark()

    @property
    def watermark_ms(self) -> int:
        """The reader's watermark."""
        return self.reader.get_watermark().micros // 1000

    @property
    def records(self) -> list[str]:
        """The records, in the order of reading."""
        return [line["record"] for line in self.lines]
