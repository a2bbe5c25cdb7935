"""How do frames travel between workers, and how large are they?

Beam samples the size of elements to report it. Without a coder that knows, it would pickle every
frame a second time just to measure it: a quarter of the work of a batch run.
"""

import io

import apache_beam as beam
import polars as pl


class FrameCoder(beam.coders.Coder):
    """A Polars frame in Polars' own serialisation."""

    def encode(self, value: pl.DataFrame) -> bytes:
        """The frame as bytes."""
        return value.serialize()

    def decode(self, encoded: bytes) -> pl.DataFrame:
        """The frame again."""
        return pl.DataFrame.deserialize(io.BytesIO(encoded))

    def estimate_size(self, value: pl.DataFrame) -> int:
        """Bytes in memory."""
        return int(value.estimated_size())

    def is_deterministic(self) -> bool:
        """Frames are never keys."""
        return False

    def to_type_hint(self) -> type:
        """What is encoded."""
        return pl.DataFrame


beam.coders.registry.register_coder(pl.DataFrame, FrameCoder)
