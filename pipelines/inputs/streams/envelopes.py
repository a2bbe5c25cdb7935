"""How does a record travel with what is known of its receipt? As a line of the raw zone."""

import base64
import datetime
from functools import lru_cache

import msgspec

_LAST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    received_at: str
    topic: str
    partition: int | None = None
    offset: int | None = None
    message_id: str | None = None
    record: str | None = None
    record_base64: str | None = None


_encode = msgspec.json.Encoder().encode


def wrap_record(
    received_ms: int,
    topic: str,
    content: bytes,
    partition: int | None = None,
    offset: int | None = None,
    message_id: str | None = None,
) -> bytes:
    """The envelope line of a record, without line end; `transforms.unwrap` opens it again.

    `received_ms`: epoch ms, cut to the years 1970 to 9999. `content`: the record as received, any
    bytes; what is not UTF-8 travels as base64.
    """
    received_at = _received_at(received_ms)
    try:
        line = _Line(received_at, topic, partition, offset, message_id, content.decode())
    except UnicodeDecodeError:
        packed = base64.b64encode(content).decode()
        line = _Line(received_at, topic, partition, offset, message_id, None, packed)
    return _encode(line)


def _received_at(milliseconds: int) -> str:
    seconds, fraction = divmod(min(max(milliseconds, 0), _LAST_MS), 1000)
    return f"{_second(seconds)}.{fraction:03d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
