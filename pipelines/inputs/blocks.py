"""What travels from a file to the parser?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import msgspec

from pipelines.inputs.opening import open_binary

MIB = 1 << 20
# A record may be 1 MiB; the parser tells by length. More than this is never kept of one record.
MAX_RECORD_BYTES = 16 * MIB
MAX_PAYLOAD_BYTES = MIB


@dataclass(frozen=True)
class Chunk:
    """A part of one file that one worker reads on its own.

    `start` and `end` are bytes of the file for text (a chunk owns the lines that begin in
    [start, end)) and numbers of row groups for Parquet; gzip, documents and Avro are read whole.
    `size_bytes` is the size of this part, for sharing out work.
    """

    path: str
    format: str
    start: int
    end: int
    size_bytes: int


@dataclass(frozen=True)
class Unreadable:
    """The rest of a file that cannot be read; at most one per file.

    `payload`: bytes that were decoded but make no whole record, at most 1 MiB.
    `position`: that of the last record before the fault, "0" without one.
    """

    message: str
    payload: bytes
    position: str


class BrokenStreamError(Exception):
    """Compressed data cannot be decoded any further; everything before was handed out."""


class SoundPieces:
    """The pieces of a stream up to its fault, if it has one, which is then in `fault`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.fault: BrokenStreamError | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except BrokenStreamError as error:
            self.fault = error


@dataclass
class NewlinesBefore:
    """How many lines a file has before byte `end`; counted when first asked."""

    path: str
    end: int

    @cached_property
    def count(self) -> int:
        """Lines; reads the file from its beginning."""
        with open_binary(self.path) as file:
            return sum(piece.count(b"\n") for piece in pieces_between(file, 0, self.end, MIB))


@dataclass
class Block:
    """Some records of one file, in the order of the file.

    `records`: bytes as received, without ASCII white space around them, none blank, at most 16 MiB
    each (longer ones are cut there). Position of record i = lines of `before` + `first` +
    (`offsets[i]`, or i without offsets).
    """

    source: str
    records: list[bytes]
    first: int = 1
    offsets: Sequence[int] | None = None
    before: NewlinesBefore | None = None
    failure: Unreadable | None = None

    def position(self, index: int) -> str:
        """Line (text) or row (Parquet, Avro) of `records[index]`, from 1; index >= 0."""
        offset = index if self.offsets is None else self.offsets[index]
        skipped = self.before.count if self.before else 0
        return str(skipped + self.first + offset)

    def last(self) -> int:
        """Position of the last record within what this chunk reads; needs a record."""
        return self.first + (self.offsets[-1] if self.offsets else len(self.records) - 1)


def pieces_between(file: BinaryIO, start: int, end: int, piece_bytes: int) -> Iterator[bytes]:
    """Yield the bytes [start, end) of an open file, at most `piece_bytes` at a time."""
    file.seek(start)
    while start < end and (piece := file.read(min(piece_bytes, end - start))):
        yield piece
        start += len(piece)


def closing_block(
    source: str, tail: bytes, line: int, last: int, fault: BrokenStreamError | None
) -> Block:
    """What is left at the end of a text: a record, or after a fault the `Unreadable`.

    `tail`: bytes after the last whole record; `line`: where they begin; `last`: position of the
    last record, 0 without one. A tail that happens to be a whole JSON value is a record.
    """
    tail = tail.strip()
    if fault is None:
        return Block(source, [tail] if tail else [], first=line)
    if is_json(tail):
        return Block(source, [tail], first=line, failure=Unreadable(str(fault), b"", str(line)))
    return Block(source, [], failure=Unreadable(str(fault), tail[:MAX_PAYLOAD_BYTES], str(last)))


def is_json(text: bytes) -> bool:
    """Whether the bytes are one whole JSON value."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True
