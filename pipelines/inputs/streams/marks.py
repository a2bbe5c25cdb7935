"""How does a source's place in its stream travel in the runner's checkpoint?"""

from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.io.unbounded_source import CheckpointMark

from pipelines.inputs.streams.watermarks import NO_WATERMARK_MS, Watermark


@dataclass
class StreamMark(CheckpointMark):
    """What every source keeps: its watermark, in all and by partition (epoch ms)."""

    watermark_ms: int = NO_WATERMARK_MS
    partitions: dict[str, int] = field(default_factory=dict)

    def restore(self, watermark: Watermark, now_ms: int) -> None:
        """Give a new reader's watermark what was known at the mark."""
        watermark.restore(self.watermark_ms, self.partitions, now_ms)


class MarkCoder(beam.coders.Coder):
    """Marks of one class as MessagePack, equal marks as equal bytes.

    Beam finds a parked reader by the bytes of its mark; a pickle of the same mark may differ.
    """

    def __init__(self, kind: type[StreamMark]) -> None:
        self._encoder = msgspec.msgpack.Encoder(order="deterministic")
        self._decoder = msgspec.msgpack.Decoder(kind)

    def encode(self, value: Any) -> bytes:
        """The mark as bytes."""
        return self._encoder.encode(value)

    def decode(self, encoded: bytes) -> Any:
        """The mark again. Raises msgspec.ValidationError when it is of another source."""
        return self._decoder.decode(encoded)

    def is_deterministic(self) -> bool:
        """Equal marks give equal bytes."""
        return True
