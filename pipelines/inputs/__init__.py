"""Where do the records of a batch run come from? Files, cut into chunks and read block by block."""

from pipelines.inputs.blocks import Block, Chunk, Unreadable
from pipelines.inputs.chunks import plan_chunks
from pipelines.inputs.opening import InputError
from pipelines.inputs.reading import read_blocks

__all__ = ["Block", "Chunk", "InputError", "Unreadable", "plan_chunks", "read_blocks"]
