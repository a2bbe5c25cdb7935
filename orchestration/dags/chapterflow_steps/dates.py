"""Which dates does a run replace? Those of its data interval, so a rerun replaces the same ones.

Templates call these functions. `dag_run` is Airflow's; dates are UTC.
"""

import datetime
from typing import Any

DAY = datetime.timedelta(days=1)


class DatesError(Exception):
    """Dates that make no range."""


def whole_day(dag_run: Any, params: dict[str, Any]) -> datetime.date:
    """The last whole day a daily run is about: `params.date`, else the day its interval began."""
    if params.get("date"):
        return datetime.date.fromisoformat(params["date"])
    return _interval(dag_run)[0].date()


def daily_dates(dag_run: Any, params: dict[str, Any]) -> tuple[datetime.date, datetime.date]:
    """The `params.days` days up to the one that began since: late events still change them."""
    last = whole_day(dag_run, params) + DAY
    return last - DAY * (params["days"] - 1), last


def hourly_dates(dag_run: Any, params: dict[str, Any]) -> tuple[datetime.date, datetime.date]:
    """The last `params.days` days, or more: both days of an hour that ends after midnight."""
    began, ended = _interval(dag_run)
    return min(began.date(), ended.date() - DAY * (params["days"] - 1)), ended.date()


def pieces(first: str, last: str, days_at_once: int) -> list[tuple[str, str]]:
    """A range as ranges of at most so many days, in order. Raises DatesError."""
    start, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    if start > end:
        raise DatesError(f"start_date {first} is after end_date {last}")
    starts = [start + DAY * n for n in range(0, (end - start).days + 1, days_at_once)]
    return [(str(one), str(min(one + DAY * (days_at_once - 1), end))) for one in starts]


def _interval(dag_run: Any) -> tuple[datetime.datetime, datetime.datetime]:
    """The data interval; a run that was started by hand without a date has none: a day to now."""
    began, ended = dag_run.data_interval_start, dag_run.data_interval_end
    return (began, ended) if began and ended else (dag_run.run_after - DAY, dag_run.run_after)


MACROS = {"whole_day": whole_day, "daily_dates": daily_dates, "hourly_dates": hourly_dates}
"""For `user_defined_macros` of a DAG."""
