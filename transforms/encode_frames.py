"""How do frames travel between workers, and how large are they?

Beam samples the size of elements to report it. Without a coder that knows, it would pickle every
frame a second time just to measure it: a quarter of the work of a batch run. Runners copy what
travels several times, so it travels compressed.
"""

import io
import pickle

import apache_beam as beam
import polars as pl
import pyarrow as pa

Accumulator = dict[str, list[pl.DataFrame]]
"""Frames of contributions by gold table."""

_CODEC = "zstd"


class FrameCoder(beam.coders.Coder):
    """A Polars frame in Polars' own serialisation, compressed."""

    def encode(self, value: pl.DataFrame) -> bytes:
        """The frame as bytes; the first eight tell their length before compression."""
        plain = value.serialize()
        return len(plain).to_bytes(8, "big") + pa.compress(plain, _CODEC, asbytes=True)

    def decode(self, encoded: bytes) -> pl.DataFrame:
        """The frame again."""
        size = int.from_bytes(encoded[:8], "big")
        return pl.DataFrame.deserialize(
            io.BytesIO(pa.decompress(encoded[8:], size, _CODEC, asbytes=True))
        )

    def estimate_size(self, value: pl.DataFrame) -> int:
        """Bytes in memory."""
        return int(value.estimated_size())

    def is_deterministic(self) -> bool:
        """Frames are never keys."""
        return False

    def to_type_hint(self) -> type:
        """What is encoded."""
        return pl.DataFrame


class AccumulatorCoder(beam.coders.Coder):
    """An `Accumulator`, its frames encoded by `FrameCoder`."""

    def encode(self, value: Accumulator) -> bytes:
        """The frames as bytes."""
        encode = FrameCoder().encode
        return pickle.dumps({name: list(map(encode, frames)) for name, frames in value.items()})

    def decode(self, encoded: bytes) -> Accumulator:
        """The frames again."""
        decode = FrameCoder().decode
        return {name: list(map(decode, parts)) for name, parts in pickle.loads(encoded).items()}

    def estimate_size(self, value: Accumulator) -> int:
        """Bytes in memory."""
        return sum(int(frame.estimated_size()) for frames in value.values() for frame in frames)

    def is_deterministic(self) -> bool:
        """Accumulators are never keys."""
        return False


beam.coders.registry.register_coder(pl.DataFrame, FrameCoder)
