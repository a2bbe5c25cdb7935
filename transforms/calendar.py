"""Which date and hour is it in the reporting time zone?"""

import datetime

import polars as pl

Dates = tuple[datetime.date, datetime.date] | None
"""First and last date of a run, inclusive; None for all dates."""


def local(milliseconds: pl.Series, timezone: str) -> pl.Series:
    """Epoch milliseconds (UTC) as times in a zone."""
    times = milliseconds.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    return times if timezone == "UTC" else times.dt.convert_time_zone(timezone)


def dates(milliseconds: pl.Series, timezone: str) -> pl.Series:
    """The date of each time."""
    return local(milliseconds, timezone).dt.date()


def hours(milliseconds: pl.Series, timezone: str) -> pl.Series:
    """The hour of the day of each time, 0 to 23."""
    return local(milliseconds, timezone).dt.hour().cast(pl.Int64)


def within(frame: pl.DataFrame, column: str, range_: Dates) -> pl.DataFrame:
    """The rows whose date lies in the run's dates."""
    return frame if range_ is None else frame.filter(pl.col(column).is_between(*range_))
