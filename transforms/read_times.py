"""Which instant does a text or number mean, in whole milliseconds since 1970?"""

import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_PATTERN = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)
_LAST_MS = 253_402_300_799_999  # the last millisecond of the year 9999
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000
_COMMON_WIDTHS = (20, 24)
_UNKNOWN = np.iinfo(np.int64).min


def read_time(value: Any) -> int | None:
    """Epoch milliseconds of an ISO-8601 text or a number of milliseconds; None if it is neither.

    Finer fractions are cut off. Without an offset the text is UTC. Only 1970 to 9999 are times.
    """
    if type(value) is str:
        milliseconds = _read_text(value)
    elif type(value) in (int, float):
        milliseconds = int(value // 1)
    else:
        return None
    return milliseconds if milliseconds is not None and 0 <= milliseconds <= _LAST_MS else None


def read_times(values: Sequence[Any]) -> np.ndarray:
    """`read_time` of many values: int64, the smallest int64 where there is no time.

    `2025-11-16T10:15:22Z` and `2025-11-16T10:15:22.123Z` are read many at once.
    """
    result = np.full(len(values), _UNKNOWN, np.int64)
    lengths = np.fromiter(map(_length, values), np.int64, len(values))
    for width in _COMMON_WIDTHS:
        _read_common(values, lengths == width, result)
    for row in np.flatnonzero(result == _UNKNOWN).tolist():
        milliseconds = read_time(values[row])
        result[row] = _UNKNOWN if milliseconds is None else milliseconds
    return result


def is_time(milliseconds: np.ndarray) -> np.ndarray:
    """True where `read_times` found a time."""
    return milliseconds != _UNKNOWN


def _length(value: Any) -> int:
    return len(value) if type(value) is str else 0


def _read_text(text: str) -> int | None:
    found = _PATTERN.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = found.groups()
    try:
        days = datetime.date.fromisoformat(day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    minutes = int(hour) * 60 + int(minute)
    if sign is not None:
        offset = int(offset_hours) * 60 + int(offset_minutes)
        minutes += offset if sign == "-" else -offset
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    return days * _DAY_MS + minutes * 60_000 + int(second or 0) * 1000 + milliseconds


def _read_common(values: Sequence[str], chosen: np.ndarray, result: np.ndarray) -> None:
    """Fill `result` for the chosen texts that have the common form and are certainly right."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return
    texts = values if len(rows) == len(values) else [values[row] for row in rows.tolist()]
    width = len(texts[0])
    try:
        encoded = np.array(texts, dtype=f"S{width}")
    except UnicodeEncodeError:
        return
    letters = encoded.view(np.uint8).reshape(len(rows), width)
    milliseconds, is_right = _read_letters(letters)
    result[rows[is_right]] = milliseconds[is_right]


def _read_letters(letters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds and their validity of texts `YYYY-MM-DDThh:mm:ss[.fff]Z`, one letter a cell."""
    width = letters.shape[1]
    template = np.frombuffer(b"0000-00-00T00:00:00.000Z"[: width - 1] + b"Z", np.uint8)
    is_digit = template == ord("0")
    digits = letters[:, is_digit] - np.uint8(ord("0"))
    is_right = (digits <= 9).all(axis=1)
    is_right &= (letters[:, ~is_digit] == template[~is_digit]).all(axis=1)
    numbers = (digits.astype(np.float64) @ _WEIGHTS[: digits.shape[1]]).astype(np.int64)
    year, month, day, hour, minute, second, millisecond = numbers.T
    # Days after the 28th are left to `read_time`, unless every month has them.
    is_right &= (year >= 1970) & (month >= 1) & (month <= 12) & (day >= 1)
    is_right &= (day <= 28) | ((day <= 30) & (month != 2))
    is_right &= (hour <= 23) & (minute <= 59) & (second <= 59)
    days = _days_since_1970(year, month, day)
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    return seconds * 1000 + millisecond, is_right


def _weights() -> np.ndarray:
    """What each digit of YYYYMMDDhhmmssfff adds to year, month, day, hour and so on."""
    weights = np.zeros((17, 7))
    digit = 0
    for number, count in enumerate((4, 2, 2, 2, 2, 2, 3)):
        for place in reversed(range(count)):
            weights[digit, number] = 10**place
            digit += 1
    return weights


_WEIGHTS = _weights()


def _days_since_1970(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Days of the proleptic Gregorian calendar, years counted from March (leap day last)."""
    shifted = year - (month <= 2)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    leap_days = shifted // 4 - shifted // 100 + shifted // 400
    return shifted * 365 + leap_days + day_of_year - 719_468
