"""How do blocks travel between steps that a runner does not fuse, and how large are they?"""

import pickle

import apache_beam as beam

from pipelines.inputs.blocks import Block


class BlockCoder(beam.coders.Coder):
    """A block as a pickle; Beam's samples of its size cost nothing (see `FrameCoder`)."""

    def encode(self, value: Block) -> bytes:
        """The block as bytes."""
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> Block:
        """The block again."""
        return pickle.loads(encoded)

    def estimate_size(self, value: Block) -> int:
        """Bytes of the records."""
        return sum(map(len, value.records))

    def is_deterministic(self) -> bool:
        """Blocks are never keys."""
        return False

    def to_type_hint(self) -> type:
        """What is encoded."""
        return Block


beam.coders.registry.register_coder(Block, BlockCoder)
