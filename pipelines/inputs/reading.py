"""Which blocks of records does a chunk hold?"""

from collections.abc import Iterator

from pipelines.inputs.avro import avro_blocks
from pipelines.inputs.blocks import (
    MAX_RECORD_BYTES,
    MIB,
    Block,
    Chunk,
    NewlinesBefore,
    pieces_between,
)
from pipelines.inputs.documents import document_blocks
from pipelines.inputs.gzips import decoded_pieces
from pipelines.inputs.layout import is_document
from pipelines.inputs.lines import line_blocks, pieces_of_lines, without_bom
from pipelines.inputs.opening import open_binary
from pipelines.inputs.parquet import parquet_blocks

_LOOK_BYTES = 64 << 10


def read_blocks(chunk: Chunk, block_bytes: int = 8 * MIB) -> Iterator[Block]:
    """Blocks of about `block_bytes` of records, in the order of the file, none of them empty.

    Memory is a few times `block_bytes` and the longest record (at most 16 MiB of it). What cannot
    be read becomes one `failure` of the file, on its last block. Raises InputError when the file
    cannot be opened.
    """
    block_bytes = max(1, min(block_bytes, MAX_RECORD_BYTES))
    return _READERS[chunk.format](chunk, block_bytes)


def _read_lines(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    with open_binary(chunk.path) as file:
        size = file.seek(0, 2)
        begin, pieces = pieces_of_lines(file, chunk.start, chunk.end, size, block_bytes)
        if begin:
            yield from line_blocks(chunk.path, pieces, NewlinesBefore(chunk.path, begin))
        else:
            yield from line_blocks(chunk.path, without_bom(pieces))


def _read_document(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    with open_binary(chunk.path) as file:
        pieces = pieces_between(file, 0, chunk.end, block_bytes)
        yield from document_blocks(chunk.path, without_bom(pieces))


def _read_gzip(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    with open_binary(chunk.path) as file:
        blocks = document_blocks if is_document(decoded_pieces(file, _LOOK_BYTES)) else line_blocks
        file.seek(0)
        yield from blocks(chunk.path, without_bom(decoded_pieces(file, block_bytes)))


def _read_parquet(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    yield from parquet_blocks(chunk, block_bytes)


def _read_avro(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    with open_binary(chunk.path) as file:
        yield from avro_blocks(chunk, file, block_bytes)


_READERS = {
    "lines": _read_lines,
    "document": _read_document,
    "gzip": _read_gzip,
    "parquet": _read_parquet,
    "avro": _read_avro,
}
