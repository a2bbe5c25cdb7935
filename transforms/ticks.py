"""When is the next tick of a clock? At one moment for all keys, so that work comes together."""

import datetime

from apache_beam.utils.timestamp import Timestamp


def next_tick(now: datetime.datetime, seconds: float) -> Timestamp:
    """The first multiple of `seconds` since the epoch after now."""
    return Timestamp((now.timestamp() // seconds + 1) * seconds)
