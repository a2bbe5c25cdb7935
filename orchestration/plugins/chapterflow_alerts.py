"""What is said when a task has failed for good, or a run has missed its deadline?

One line of JSON in Airflow's log, which Composer hands to Cloud Logging: a log-based alert looks
for its marker (docs/orchestration.md). It is a plugin because the triggerer calls it too, which
does not import from the folder of DAGs.
"""

import json
import logging
from typing import Any

MARKER = "chapterflow_alert"
_log = logging.getLogger(MARKER)


def tell_failed_task(context: Any) -> None:
    """For `on_failure_callback`: after the last try of a task."""
    task = context["ti"]
    _tell("task_failed", dag=task.dag_id, task=task.task_id, run=task.run_id,
          error=str(context.get("exception", "")))  # fmt: skip


async def tell_missed_deadline(**known: Any) -> None:
    """For deadlines: the run goes on; `known` holds Airflow's context and what the DAG gave."""
    run = known.get("context", {}).get("dag_run", {})
    _tell("deadline_missed", dag=run.get("dag_id"), run=run.get("dag_run_id"),
          seconds=known.get("seconds"))  # fmt: skip


def _tell(what: str, **facts: Any) -> None:
    _log.error("%s", json.dumps({MARKER: what, **facts}))
