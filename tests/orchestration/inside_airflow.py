"""What do DAGs look like, and how do they run, seen from inside Airflow? Prints JSON at the end.

Runs with Airflow's own interpreter, as `inside_airflow.py COMMAND …`.
"""

import asyncio
import datetime
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MARK = "RESULT "


def describe() -> dict[str, Any]:
    """Import errors, and of each DAG its tasks, when it runs and what it may be told."""
    from airflow.models.dagbag import DagBag

    bag = DagBag(include_examples=False)
    return {
        "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
        "dags": {name: _dag(dag) for name, dag in bag.dags.items()},
    }


def _dag(dag: Any) -> dict[str, Any]:
    timetable = dag.timetable
    return {
        "schedule": getattr(timetable, "_expression", None),
        "deadline_seconds": [one.interval.total_seconds() for one in dag.deadline or []],
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": {task.task_id: _task(task) for task in dag.tasks},
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
    }


def _task(task: Any) -> dict[str, Any]:
    known = task.partial_kwargs if hasattr(task, "partial_kwargs") else vars(task)
    return {
        "type": task.operator_name,
        "upstream": sorted(task.upstream_task_ids),
        "retries": task.retries,
        "backoff": task.retry_exponential_backoff,
        "retry_seconds": task.retry_delay.total_seconds(),
        "alerts": bool(task.on_failure_callback),
        **{name: known[name] for name in _TOLD if known.get(name) is not None},
    }


_TOLD = (
    *("arguments", "body", "overrides", "job_name", "deferrable", "mode", "timeout", "prefix"),
    *("project_id", "location", "region", "bucket", "max_active_tis_per_dagrun"),
)


def run(dag_id: str, date: str, told: str, *quickly: str) -> dict[str, Any]:
    """A run of a DAG for a logical date, in this process; its tasks' states and tries.

    `told`: params as JSON; `quickly`: tries come a second after each other, and sensors give up at
    their second look.
    """
    from airflow.models.dagbag import DagBag

    dag = DagBag(include_examples=False).dags[dag_id]
    for task in dag.tasks if quickly else ():
        if hasattr(task, "poke_interval"):
            task.poke_interval, task.timeout = 1, 1
        if not hasattr(task, "partial_kwargs"):
            task.retry_delay = datetime.timedelta(seconds=1)
            task.retry_exponential_backoff = False
    done = dag.test(logical_date=datetime.datetime.fromisoformat(date), run_conf=json.loads(told))
    found = {}
    for one in done.get_task_instances():
        name = one.task_id if one.map_index < 0 else f"{one.task_id}[{one.map_index}]"
        found[name] = {"state": str(one.state), "tries": one.try_number}
    return {"state": str(done.state), "tasks": found}


def imports() -> list[str]:
    """What importing the DAG files does besides reading: connections, processes, files written."""
    import airflow.sdk
    import airflow.timetables.interval  # noqa: F401 - what Airflow itself does is not ours

    done: list[str] = []
    watched = ("socket.connect", "subprocess.Popen", "os.system", "sqlite3.connect")
    is_on = [True]

    def _see(event: str, arguments: tuple) -> None:
        if is_on and event in watched:
            done.append(f"{event} {arguments[0]!r}"[:200])
        elif is_on and event == "open" and set(str(arguments[1])) & set("wax+"):
            done.append(f"open {arguments[0]!r} {arguments[1]}")

    sys.addaudithook(_see)
    sys.dont_write_bytecode = True
    for file in sorted(Path(sys.path[-1]).glob("*.py")):
        __import__(file.stem)
    is_on.clear()
    return done


def ask(began: str, ended: str, told: str) -> dict[str, Any]:
    """What Google is asked by a daily run for a data interval, and by the fold, in its protocol."""
    from airflow.models.dagbag import DagBag
    from google.cloud.dataflow_v1beta3 import LaunchFlexTemplateRequest
    from google.cloud.run_v2 import RunJobRequest
    from google.protobuf import json_format

    dags = DagBag(include_examples=False).dags
    dag, fold = dags["chapterflow_daily"], dags["chapterflow_fold"].get_task("fold")
    between = (datetime.datetime.fromisoformat(time) for time in (began, ended))
    interval = dict(zip(("data_interval_start", "data_interval_end"), between, strict=True))
    params = {**dag.params.dump(), **json.loads(told)}
    for task in dag.tasks:
        task.render_template_fields({"dag_run": SimpleNamespace(**interval), "params": params})
    launch = LaunchFlexTemplateRequest.pb()()
    json_format.ParseDict(dag.get_task("batch").body, launch)
    jobs = {name: dag.get_task(name).overrides for name in ("rollup", "check")}
    jobs["fold"] = fold.overrides
    return {
        "prefix": dag.get_task("wait_for_events").prefix,
        "launch": json_format.MessageToDict(launch),
        "jobs": {
            name: list(RunJobRequest.Overrides(told).container_overrides[0].args)
            for name, told in jobs.items()
        },
    }


def refuse(cases: str) -> list[str]:
    """Why runs are refused, each a DAG's id and params; "it ran" where one is not."""
    from airflow.exceptions import AirflowException
    from airflow.models.dagbag import DagBag

    bag, reasons = DagBag(include_examples=False), []
    for dag_id, told in json.loads(cases):
        try:
            bag.dags[dag_id].test(run_conf=told)
            reasons.append("it ran")
        except (AirflowException, ValueError) as error:
            reasons.append(str(error))
    return reasons


async def deadline(dag_id: str) -> dict[str, Any]:
    """Miss the deadline of a new run; what the scheduler hands on runs as in a triggerer."""
    from airflow import settings
    from airflow.models.dagbag import DagBag
    from airflow.models.deadline import Deadline
    from airflow.serialization.serialized_objects import SerializedDAG
    from airflow.utils.module_loading import import_string
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    now = datetime.datetime.now(datetime.UTC)
    dag = DagBag(include_examples=False).dags[dag_id]
    session = settings.Session()
    made = SerializedDAG.deserialize_dag(SerializedDAG.serialize_dag(dag)).create_dagrun(
        run_id=f"late-{now:%H%M%S}", run_after=now, run_type=DagRunType.MANUAL, session=session,
        triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.QUEUED,
    )  # fmt: skip
    session.flush()
    missed = session.query(Deadline).filter(Deadline.dagrun_id == made.id).one()
    left = (missed.deadline_time - now).total_seconds()
    missed.handle_miss(session)
    handed_on = missed.trigger.classpath, missed.trigger.kwargs
    session.rollback()
    trigger = import_string(handed_on[0])(**handed_on[1])
    said = [event.payload["state"] async for event in trigger.run()]
    return {"callback": trigger.callback_path, "seconds_left": left, "states": said}


def main(command: str, *arguments: str) -> None:
    """Run a command of this module and print what it gives."""
    found = globals()[command](*arguments)
    if asyncio.iscoroutine(found):
        found = asyncio.run(found)
    print(f"\n{MARK}{json.dumps(found, default=str)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
