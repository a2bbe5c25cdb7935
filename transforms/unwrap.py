"""What was received, when, and from where? Raw-zone envelopes give back the records they hold."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from transforms.decode import Decoded, decode_records
from transforms.read_times import read_times

UNKNOWN_MS = int(np.iinfo(np.int64).min)
"""Stands for a receipt that is not known, in arrays of epoch milliseconds."""


class Envelope(msgspec.Struct):
    """A line of the raw zone: the record as received, and what is known of its receipt."""

    received_at: Any
    topic: str
    record: str | None = None
    record_base64: str | None = None
    partition: Any = None
    offset: Any = None
    message_id: Any = None

    def content(self) -> bytes | None:
        """The bytes of the record without white space around them; None when there are none."""
        if self.record is not None:
            return unframe(self.record.encode()).strip()
        try:
            received = base64.b64decode(self.record_base64 or "", validate=True)
            return unframe(received).strip() or None
        except binascii.Error:
            return None

    def position(self) -> str:
        """Place in the topic."""
        if self.message_id is not None:
            return str(self.message_id)
        return f"{self.partition}:{self.offset}"


def unframe(message: bytes) -> bytes:
    """A message without the frame of a schema registry: a zero byte and the schema's id."""
    is_framed = message[:1] == b"\0" and message[_FRAME_BYTES : _FRAME_BYTES + 1] == b"{"
    return message[_FRAME_BYTES:] if is_framed else message


_FRAME_BYTES = 5


@dataclass
class Receipts:
    """Records as received. `received`: epoch ms, None when unknown of all. `origins`: by row."""

    records: Sequence[bytes]
    received: np.ndarray | None
    origins: dict[int, Envelope]


_decode = msgspec.json.Decoder(Envelope).decode


def decode_receipts(records: Sequence[bytes]) -> tuple[Decoded, Receipts]:
    """Decode records, those inside envelopes where there are any."""
    decoded = decode_records(records)
    receipts = Receipts(records, None, {})
    if _may_hold_envelopes(decoded):
        receipts = unwrap(records)
        decoded = decode_records(receipts.records) if receipts.origins else decoded
    return decoded, receipts


def _may_hold_envelopes(decoded: Decoded) -> bool:
    """Cheap test. An envelope can be too large where the record inside is not."""
    if any("record" in found or "record_base64" in found for found in decoded.objects):
        return True
    return any(reason == "too_large" for _, reason, _ in decoded.failures)


def unwrap(records: Sequence[bytes]) -> Receipts:
    """Replace each envelope by the record inside; plain records stay as they are."""
    suspects = [row for row, record in enumerate(records) if b'"record' in record]
    opened = {row: found for row in suspects if (found := _open(records[row]))}
    if not opened:
        return Receipts(records, None, {})
    unwrapped = list(records)
    for row, (_, content) in opened.items():
        unwrapped[row] = content
    origins = {row: envelope for row, (envelope, _) in opened.items()}
    received = np.full(len(records), UNKNOWN_MS, np.int64)
    received[list(origins)] = read_times([found.received_at for found in origins.values()])
    return Receipts(unwrapped, received, origins)


def open_envelope(record: bytes) -> Envelope | None:
    """The envelope that a record is; None when it is none."""
    opened = _open(record)
    return opened[0] if opened else None


def _open(record: bytes) -> tuple[Envelope, bytes] | None:
    """The envelope, and the record inside."""
    try:
        envelope = _decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    content = envelope.content()
    return None if content is None else (envelope, content)
