"""Which records do the lines of a text hold?"""

from collections.abc import Iterator
from typing import BinaryIO

from pipelines.inputs.blocks import (
    MAX_RECORD_BYTES,
    Block,
    NewlinesBefore,
    SoundPieces,
    closing_block,
    pieces_between,
)

_BOM = b"\xef\xbb\xbf"
_LOOK_BYTES = 64 << 10


def line_blocks(
    source: str, pieces: Iterator[bytes], before: NewlinesBefore | None = None
) -> Iterator[Block]:
    """Blocks of the lines of a text that comes in pieces, one block a piece.

    Of a line longer than 16 MiB only the first 16 MiB are kept. After a `BrokenStreamError` of the
    pieces the last block has the failure. `before`: counts the lines before the first piece.
    """
    line, last, tail, sound = 1, 0, b"", SoundPieces(pieces)
    for piece in sound:
        lines = piece.split(b"\n")
        lines[0] = _join(tail, lines[0])
        tail = lines.pop()
        block = _block(source, lines, line, before)
        line += len(lines)
        if block.records:
            last = block.last()
            yield block
    block = closing_block(source, tail, line, last, sound.fault)
    block.before = before
    if block.records or block.failure:
        yield block


def _join(tail: bytes, line: bytes) -> bytes:
    joined = tail + line if tail else line
    # Blanks go first, so that cutting never leaves nothing but blanks of a line.
    return joined if len(joined) <= MAX_RECORD_BYTES else joined.lstrip()[:MAX_RECORD_BYTES]


def _block(source: str, lines: list[bytes], first: int, before: NewlinesBefore | None) -> Block:
    # bytes.strip returns the same object where there is nothing to strip: 20 ns a line.
    stripped = list(map(bytes.strip, lines))
    if all(stripped):
        return Block(source, stripped, first, None, before)
    offsets = [index for index, line in enumerate(stripped) if line]
    return Block(source, [stripped[index] for index in offsets], first, offsets, before)


def without_bom(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces without a UTF-8 byte order mark at the beginning."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(_BOM):
            break
    if head := head.removeprefix(_BOM):
        yield head
    yield from pieces


def pieces_of_lines(
    file: BinaryIO, start: int, end: int, size_bytes: int, piece_bytes: int
) -> tuple[int, Iterator[bytes]]:
    """(byte where they begin, pieces) of the lines that begin in the bytes [start, end)."""
    begin = _line_start(file, start, end)
    stop = _line_start(file, end, size_bytes) if begin < end else begin
    return begin, pieces_between(file, begin, stop, piece_bytes)


def _line_start(file: BinaryIO, at: int, limit: int) -> int:
    """Where the first line begins that begins at `at` or later; `limit` if not before it."""
    if at == 0:
        return 0
    # A line begins at `at` when the byte before it is a line end.
    place = at - 1
    for piece in pieces_between(file, place, limit, _LOOK_BYTES):
        found = piece.find(b"\n")
        if found >= 0:
            return min(place + found + 1, limit)
        place += len(piece)
    return limit
