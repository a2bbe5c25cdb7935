"""When did the event of a record happen, found without parsing the rest of it?"""

from typing import Any

import msgspec

from transforms.parse import MAX_INTERVAL_MS
from transforms.read_times import read_time
from transforms.unwrap import unframe


class _Times(msgspec.Struct, gc=False):
    timestamp: Any = None
    start_time: Any = None
    chapter_start_time: Any = None
    end_time: Any = None
    chapter_end_time: Any = None


_decode = msgspec.json.Decoder(_Times).decode
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def peek_event_ms(record: bytes) -> int | None:
    """Epoch ms at which an event counts for the watermark: the end of an interval.

    The rules are those of `parse_records`: what it takes as an event has the same time here, and
    a record without a usable time has None.
    """
    try:
        times = _decode(unframe(record) if record[:1] == b"\0" else record)
    except _ERRORS:
        return None
    start = times.chapter_start_time if times.start_time is None else times.start_time
    end = times.chapter_end_time if times.end_time is None else times.end_time
    if start is None or end is None:
        return read_time(times.timestamp)
    return _end_of_interval(read_time(start), read_time(end))


def _end_of_interval(started: int | None, ended: int | None) -> int | None:
    if started is None or ended is None:
        return None
    return ended if started <= ended <= started + MAX_INTERVAL_MS else None
