"""When is what is kept of a date let go? When it can change no more, and a while after."""

import datetime

from apache_beam.utils.timestamp import Timestamp

from transforms.retain import Retention

_DAY_SECONDS = 86_400
_GRACE_SECONDS = 600


def given_up_at(date: datetime.date, retention: Retention) -> Timestamp:
    """The watermark from which on nothing acceptable can change a date any more."""
    midnight = datetime.datetime.combine(date, datetime.time(), datetime.UTC).timestamp()
    # Two days more: the date's last hour anywhere on earth, and a margin.
    return Timestamp(midnight + 3 * _DAY_SECONDS + retention.kept_ms / 1000)


def grace_ends_at(now: datetime.datetime) -> Timestamp:
    """The time by which all is here that was due before a date was given up `now`.

    Students wait for ticks of the clock, and may be behind, however fast a replay passes days.
    """
    return Timestamp(now.timestamp() + _GRACE_SECONDS)
