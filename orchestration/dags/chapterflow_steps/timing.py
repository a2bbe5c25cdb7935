"""How long may what take, how often is it tried, and who is told when that is over?"""

import datetime
from typing import Any

from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference
from chapterflow_alerts import tell_failed_task, tell_missed_deadline

from chapterflow_steps.settings import Settings

FIRST_DATE = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
"""Before it Airflow makes no run; dates before it go by the params of the backfill."""
POKE_SECONDS = 300
WAIT_SECONDS = 3 * 3600
"""A sensor gives up after this, before its run is late."""
JOB_SECONDS = 3600 + 1800
"""A job of Cloud Run has an hour for a try."""
NO_SECOND_TRY: dict[str, Any] = {"retries": 0}
"""For checks: rows that are wrong stay wrong, and each try would only delay the alert."""


def default_arguments() -> dict[str, Any]:
    """For `default_args`: three more tries after 1, 2 and 4 minutes, then somebody is told."""
    return {
        "owner": "chapterflow",
        "retries": 3,
        "retry_delay": datetime.timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": datetime.timedelta(minutes=20),
        "on_failure_callback": tell_failed_task,
    }


def within(settings: Settings, **time: float) -> DeadlineAlert | None:
    """A run has to be done so long after it was queued, or somebody is told. As in timedelta.

    Not on one's own machine: `airflow dags test` queues nothing, and Airflow 3.1 then fails to
    reckon the deadline.
    """
    if settings.runner == "local":
        return None
    interval = datetime.timedelta(**time)
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=AsyncCallback(tell_missed_deadline, {"seconds": interval.total_seconds()}),
    )
