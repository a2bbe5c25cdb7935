"""How do texts and numbers become whole milliseconds, and these become times, dates and hours?"""

import functools
import math
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = 253_402_300_799_999  # the last millisecond of the year 9999
QUARTER_MS = 900_000
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


class BadTimeError(ValueError):
    """The value is no time between 1970 and 9999."""


def is_number(value: object) -> bool:
    """Whether a JSON value is a number (booleans are not)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_time(value: object) -> int:
    """Epoch milliseconds of an ISO-8601 text or of a number of milliseconds, finer parts cut."""
    if isinstance(value, str):
        milliseconds = _read_text(value)
    elif is_number(value):
        milliseconds = math.floor(value)
    else:
        raise BadTimeError(value)
    if not 0 <= milliseconds <= LAST_MS:
        raise BadTimeError(value)
    return milliseconds


def _read_text(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadTimeError(text)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH.toordinal()
    except ValueError as error:
        raise BadTimeError(text) from error
    seconds = days * 86_400 + _clock_seconds(hour, minute, second or "0")
    thousandths = int((fraction or "")[:3].ljust(3, "0"))
    return (seconds - _offset_seconds(offset)) * 1000 + thousandths


def _clock_seconds(hour: str, minute: str, second: str) -> int:
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        raise BadTimeError(f"{hour}:{minute}:{second}")
    return int(hour) * 3600 + int(minute) * 60 + int(second)


def _offset_seconds(offset: str | None) -> int:
    if offset is None or offset == "Z":
        return 0
    size = _clock_seconds(offset[1:3], offset[-2:], "0")
    return -size if offset[0] == "-" else size


def whole_ms(milliseconds: float) -> int:
    """A duration cut to whole milliseconds; within 1e-6 of a whole one it is that one."""
    nearest = round(milliseconds)
    if abs(milliseconds - nearest) <= 1e-6:
        return nearest
    return math.floor(milliseconds)


def utc(milliseconds: int | None) -> datetime | None:
    """The UTC time of epoch milliseconds."""
    return None if milliseconds is None else EPOCH + timedelta(milliseconds=milliseconds)


def seconds(milliseconds: float | None) -> float | None:
    """Milliseconds as seconds."""
    return None if milliseconds is None else milliseconds / 1000


def local_date(milliseconds: int, zone: ZoneInfo) -> date:
    """Date of an instant in the reporting time zone."""
    return local_hour(milliseconds, zone)[0]


def local_hour(milliseconds: int, zone: ZoneInfo) -> tuple[date, int]:
    """Date and hour of an instant in the reporting time zone."""
    return _hour_of_quarter(milliseconds // QUARTER_MS, zone)


@functools.lru_cache(maxsize=100_000)
def _hour_of_quarter(quarter: int, zone: ZoneInfo) -> tuple[date, int]:
    """A quarter of an hour of UTC lies in one local hour: offsets are multiples of 15 minutes."""
    local = utc(quarter * QUARTER_MS).astimezone(zone)
    return local.date(), local.hour
