"""Which records do the rows of an Avro file hold?"""

import bz2
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import fastavro
import pyarrow as pa
from fastavro.types import Schema

from pipelines.inputs.blocks import Block, Chunk, Unreadable
from pipelines.inputs.rows import json_row

_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
        ],
    }
)
# A damaged length must not make us read the rest of a large file into memory.
_MAX_BLOCK_BYTES = 256 << 20


class _FaultError(Exception):
    """The file cannot be read any further; one line."""


def avro_blocks(chunk: Chunk, file: BinaryIO, block_bytes: int) -> Iterator[Block]:
    """Blocks of the rows of an open Avro file, then its `Unreadable`, if any.

    The container is taken apart here, because fastavro's own reader gives up the rows of a block
    that is cut off and needs more packages for snappy and zstandard.
    """
    rows, failure, first = _rows(chunk, file), None, 1
    while failure is None:
        records, failure = _gather(rows, block_bytes, first - 1)
        if not records and failure is None:
            return
        yield Block(chunk.path, records, first, failure=failure)
        first += len(records)


def _gather(
    rows: Iterator[bytes], block_bytes: int, last: int
) -> tuple[list[bytes], Unreadable | None]:
    """The next records of about `block_bytes` in all, and the failure that ended them."""
    records: list[bytes] = []
    try:
        while block_bytes > 0 and (row := next(rows, b"")):
            records.append(row)
            block_bytes -= len(row)
    except _FaultError as fault:
        return records, Unreadable(f"avro: {fault}", b"", str(last + len(records)))
    return records, None


def _rows(chunk: Chunk, file: BinaryIO) -> Iterator[bytes]:
    """JSON of each row; raises _FaultError after the last one that can be read."""
    schema, decode, sync = _header(file)
    while file.tell() < chunk.size_bytes:
        count, size = _long(file), _long(file)
        if not 0 <= size <= _MAX_BLOCK_BYTES or count < 0:
            raise _FaultError(f"a block says it has {count} rows in {size} bytes")
        data, mark = file.read(size), file.read(len(sync))
        yield from _block_rows(schema, decode, data, count, len(data) < size)
        if len(mark) < len(sync):
            raise _FaultError("the file is cut off")
        if mark != sync:
            raise _FaultError("a block does not end with the mark of this file")


def _header(file: BinaryIO) -> tuple[Schema, Callable[[bytes], bytes], bytes]:
    """(schema, how to unpack a block, mark that ends each block)."""
    try:
        header = cast(dict[str, Any], fastavro.schemaless_reader(file, _HEADER, None))
        schema = fastavro.parse_schema(json.loads(header["meta"]["avro.schema"]))
    except OSError:
        raise  # of the disk or the network: the work is to be tried again
    except Exception as error:  # damaged bytes make fastavro raise whatever happens to fail
        raise _FaultError(f"the header cannot be read ({_line(error)})") from error
    codec = header["meta"].get("avro.codec", b"null").decode("utf-8", "replace")
    if codec not in _CODECS:
        raise _FaultError(f"the codec {codec!r} is not known: write it with deflate or snappy")
    return schema, _CODECS[codec], header["sync"]


def _block_rows(
    schema: Schema, decode: Callable[[bytes], bytes], data: bytes, count: int, is_cut_off: bool
) -> Iterator[bytes]:
    try:
        values = io.BytesIO(decode(data))
        for _ in range(count):
            yield json_row(_as_object(_value(values, schema)))
        if values.read(1):
            raise ValueError(f"it holds more than its {count} rows")
    except Exception as error:  # damaged bytes make fastavro raise whatever happens to fail
        reason = f"a block cannot be decoded ({_line(error)})"
        raise _FaultError("the file is cut off" if is_cut_off else reason) from error


def _value(values: BinaryIO, schema: Schema) -> object:
    start = values.tell()
    try:
        return fastavro.schemaless_reader(values, schema, None)
    except (ValueError, OverflowError, ArithmeticError):
        # Say a time after the year 9999: as a number it reaches the parser, which rejects it.
        values.seek(start)
        return fastavro.schemaless_reader(values, _without_logical_types(schema), None)


def _without_logical_types(schema):
    if isinstance(schema, list):
        return [_without_logical_types(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key != "logicalType"}
    return {key: _without_logical_types(value) for key, value in kept.items()}


def _as_object(row: object) -> dict:
    """A file of something else than records still has rows: the parser is to reject them."""
    return row if isinstance(row, dict) else {"value": row}


def _long(file: BinaryIO) -> int:
    """Avro's zigzag number of variable length."""
    number, shift = 0, 0
    while byte := file.read(1):
        number |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80 or shift > 63:
            return (number >> 1) ^ -(number & 1)
    raise _FaultError("the file is cut off")


def _inflate(data: bytes) -> bytes:
    # An object of its own gives what there is of data that are cut off.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)


def _unsnap(data: bytes) -> bytes:
    packed, checksum = data[:-4], data[-4:]
    size, shift = 0, 0
    for byte in packed[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > _MAX_BLOCK_BYTES:
        raise ValueError(f"a block of {size} bytes")
    unpacked = pa.decompress(packed, size, "snappy", asbytes=True)
    if zlib.crc32(unpacked).to_bytes(4, "big") != checksum:
        raise ValueError("checksum differs")
    return unpacked


def _unzstd(data: bytes) -> bytes:
    return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).split("\n")[0]


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _inflate,
    "snappy": _unsnap,
    "zstandard": _unzstd,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
}
