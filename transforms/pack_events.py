"""How do the events of one student travel and rest in state? As one short text of bytes each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from schemas.canonical import COLUMNS

FIELDS = tuple(name for name in COLUMNS if name != "student_hash")
"""The columns of a packed event, in order; its student is the key it is kept under."""

OCCURRED, ENDED, RECEIVED, EVENT_ID, FINGERPRINT = (
    FIELDS.index(name)
    for name in ("occurred_ms", "ended_ms", "received_ms", "event_id", "fingerprint")
)

Row = tuple[Any, ...]
"""One event: the values of FIELDS."""

_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(tuple).decode
_decode_rows = msgspec.msgpack.Decoder(list[tuple]).decode
_CODEC = "zstd"
_SIZE_BYTES = 4


def pack_events(events: pl.DataFrame) -> Iterator[tuple[str, int, bytes]]:
    """(student_hash, end of the event in epoch ms, packed event) of each canonical event."""
    ends = events["ended_ms"].fill_null(events["occurred_ms"]).to_list()
    rows = map(_encode, events.select(FIELDS).iter_rows())
    return zip(events["student_hash"].to_list(), ends, rows, strict=True)


def unpack_events(packed: Iterable[bytes]) -> list[Row]:
    """Rows of packed events."""
    return [_decode_row(event) for event in packed]


def pack_rows(rows: Sequence[Row]) -> bytes:
    """Many events of a student, compressed: what rests in state."""
    plain = _encode(rows)
    return len(plain).to_bytes(_SIZE_BYTES, "big") + pa.compress(plain, _CODEC, asbytes=True)


def unpack_rows(packed: bytes) -> list[Row]:
    """The rows that `pack_rows` was given."""
    size = int.from_bytes(packed[:_SIZE_BYTES], "big")
    return _decode_rows(pa.decompress(packed[_SIZE_BYTES:], size, _CODEC, asbytes=True))


def frame_of(students: Iterable[tuple[str, Sequence[Row]]]) -> pl.DataFrame:
    """Rows of several students as one table of canonical events."""
    whole = [(student, *row) for student, rows in students for row in rows]
    schema = {"student_hash": pl.String, **{name: COLUMNS[name] for name in FIELDS}}
    return pl.DataFrame(whole, schema=schema, orient="row")
