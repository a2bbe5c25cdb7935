"""What do the bytes of a gzip file decode to, as far as it is sound?"""

import zlib
from collections.abc import Generator, Iterator
from typing import BinaryIO

from pipelines.inputs.blocks import BrokenStreamError

_READ_BYTES = 256 << 10
_GZIP_WINDOW = 31  # zlib's number for "gzip header, largest window"
_MAGIC = b"\x1f\x8b"


def decoded_pieces(file: BinaryIO, piece_bytes: int) -> Iterator[bytes]:
    """Decoded bytes of all members, at most `piece_bytes` at a time.

    Raises BrokenStreamError at truncated or corrupt data, after all that could be decoded before.
    Zero bytes after a member are padding.
    """
    read_bytes = max(1, min(_READ_BYTES, piece_bytes))
    data = _next_member(file, b"", read_bytes)
    while data:
        left = yield from _member_pieces(file, data, piece_bytes, read_bytes)
        data = _next_member(file, left, read_bytes)


def _next_member(file: BinaryIO, data: bytes, read_bytes: int) -> bytes:
    """The beginning of the next member, at least 2 bytes of it; empty at the end."""
    data = data.lstrip(b"\0")
    while len(data) < len(_MAGIC) and (more := file.read(read_bytes)):
        data = (data + more).lstrip(b"\0")
    if data and not data.startswith(_MAGIC):
        raise BrokenStreamError("gzip: what follows the compressed data is not gzip")
    return data


def _member_pieces(
    file: BinaryIO, data: bytes, piece_bytes: int, read_bytes: int
) -> Generator[bytes, None, bytes]:
    """Pieces of one member; returns the bytes after it."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    while not inflater.eof:
        data = data or file.read(read_bytes)
        before = inflater.copy()
        try:
            piece = inflater.decompress(data, piece_bytes)
        except zlib.error as error:
            yield from _rescued_pieces(before, data, piece_bytes)
            raise BrokenStreamError(f"gzip: corrupt data ({error})") from error
        if not (data or piece or inflater.eof):
            raise BrokenStreamError("gzip: the file is cut off")
        data = inflater.unconsumed_tail
        if piece:
            yield piece
    return inflater.unused_data


def _rescued_pieces(inflater, data: bytes, piece_bytes: int) -> Iterator[bytes]:
    """What `data` decodes to before its fault: zlib drops the output of the call that fails.

    So ask for less and less output until the call before the fault succeeds.
    """
    while piece_bytes:
        attempt = inflater.copy()
        try:
            piece = attempt.decompress(data, piece_bytes)
        except zlib.error:
            piece_bytes //= 2
            continue
        inflater, data = attempt, attempt.unconsumed_tail
        if not piece:
            return
        yield piece
    yield from _bytewise_pieces(inflater, data)


def _bytewise_pieces(inflater, data: bytes) -> Iterator[bytes]:
    """The last bytes before a fault: zlib looks past the output it is asked for, not the input."""
    for place in range(len(data)):
        try:
            piece = inflater.decompress(data[place : place + 1])
        except zlib.error:
            return
        if piece:
            yield piece
