"""What do all sources of streams share?"""

from collections.abc import Iterable
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.io.unbounded_source import UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp

from pipelines.inputs.streams.marks import MarkCoder, StreamMark
from pipelines.inputs.streams.watermarks import Watermark

Element = tuple[bytes, int]
"""An envelope line without line end, and the source's watermark when it was read (epoch ms)."""


class StreamSource(UnboundedSource):
    """A stream of records that `ReadStream` can read.

    `must_acknowledge`: the source wants to know which records are durable (it would send the
    others again). `mark`: the class of its checkpoint marks.
    """

    must_acknowledge: ClassVar[bool] = False
    mark: ClassVar[type[StreamMark]] = StreamMark

    @property
    def name(self) -> str:
        """What is read and where, for people; no secrets."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise InputError, in one line, when the source cannot be read as asked."""
        raise NotImplementedError

    def split(self, desired_num_splits: int, options: Any = None) -> Iterable["StreamSource"]:
        """One split: those of one task would be read one after the other, each waiting."""
        return [self]

    def get_checkpoint_mark_coder(self) -> beam.coders.Coder:
        """Marks as bytes."""
        return MarkCoder(self.mark)

    def default_output_coder(self) -> beam.coders.Coder:
        """Of an `Element`."""
        return beam.coders.TupleCoder((beam.coders.BytesCoder(), beam.coders.VarIntCoder()))


class StreamReader(UnboundedReader):
    """What readers share: the current element, its time, and the watermark.

    `watermark` is the reader's own; subclasses call `give` for each record and `advance` says
    whether they did.
    """

    def __init__(self, watermark: Watermark) -> None:
        self.watermark = watermark
        self._current: Element = (b"", 0)
        self._time_ms = 0
        self._watermark_as = (watermark.value_ms, _timestamp(watermark.value_ms))

    def give(self, line: bytes, event_ms: int | None, received_ms: int) -> None:
        """Make a record the current one, after the watermark took notice of it.

        Its time is that of the event, or of the receipt if it has none, but never before the
        watermark: who parses it knows whether it is late; nothing else may think so.
        """
        watermark_ms = self.watermark.value_ms
        self._current = (line, watermark_ms)
        self._time_ms = max(received_ms if event_ms is None else event_ms, watermark_ms)

    def start(self) -> bool:
        """Go to the first record."""
        return self.advance()

    def get_current(self) -> Element:
        """The current record."""
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        """Its time."""
        return _timestamp(self._time_ms)

    def get_watermark(self) -> Timestamp:
        """The watermark."""
        if self._watermark_as[0] != self.watermark.value_ms:
            self._watermark_as = (self.watermark.value_ms, _timestamp(self.watermark.value_ms))
        return self._watermark_as[1]


def _timestamp(milliseconds: int) -> Timestamp:
    return Timestamp(micros=milliseconds * 1000)
