"""Which records does one file of an inbox hold?"""

import logging
import os
from collections.abc import Iterator

from pipelines.inputs.blocks import MIB, Block, Chunk
from pipelines.inputs.reading import read_blocks

log = logging.getLogger(__name__)


def records_of(path: str) -> Iterator[tuple[str, bytes]]:
    """Line and record of all that a `.jsonl` or `.jsonl.gz` file holds.

    What cannot be unpacked ends the file; what was left there is its last record, so that it is
    seen as a dead letter. Raises InputError when the file cannot be opened.
    """
    size_bytes = os.path.getsize(path)
    kind = "gzip" if path.endswith(".gz") else "lines"
    for block in read_blocks(Chunk(path, kind, 0, size_bytes, size_bytes), MIB):
        yield from _records(block)


def _records(block: Block) -> Iterator[tuple[str, bytes]]:
    for index, record in enumerate(block.records):
        yield block.position(index), record
    if block.failure is not None:
        log.error("%s: %s", block.source, block.failure.message)
        yield f"{block.failure.position}+", block.failure.payload
