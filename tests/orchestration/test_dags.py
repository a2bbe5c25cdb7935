"""Do the DAGs import, are they what is stored here, and do they run, in Airflow's own test mode?"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.compare_warehouses import differences
from pipelines import check, fold, rollup
from pipelines.readers.snapshot import open_snapshot
from tests.orchestration.airflow_home import ROOT, Airflow
from tests.orchestration.conftest import ON_GOOGLE, TOPICS, on_this_machine
from tests.pipelines.stream_lake import changes, commits, event, facts

DAILY, BACKFILL = "chapterflow_daily", "chapterflow_backfill"
FOLD = "chapterflow_fold"
"""For BigQuery alone."""
MORNING = "2025-09-04T02:30:00+00:00"
"""A start of the daily DAG; the day it is about is the one before."""
MIDDLE = {"days": 3, "date": "2025-09-02"}
"""Params of a daily run that replaces the 1st to the 3rd."""
STEPS = {
    DAILY: {
        **{f"wait_for_{topic}": [] for topic in TOPICS},
        "batch": [f"wait_for_{topic}" for topic in TOPICS],
        "rollup": ["batch"],
        "check": ["rollup"],
        "maintain": ["check"],
    },
    "chapterflow_hourly": {"batch": []},
    BACKFILL: {"plan": [], "batch": ["plan"], "rollup": ["batch"], "check": ["rollup"]},
}
"""Tasks by DAG, and what each waits for: the contract with whoever reads the log or an alert."""
ON_BIGQUERY = {
    **STEPS,
    DAILY: {"wait_for_events": [], "batch": ["wait_for_events"], "rollup": ["batch"],
            "check": ["rollup"]},
    FOLD: {"fold": []},
}  # fmt: skip
"""The same, where files are not maintained and changes are folded."""
TIMES = {
    DAILY: ("30 2 * * *", 4 * 3600),
    "chapterflow_hourly": ("10 * * * *", 50 * 60),
    BACKFILL: (None, 12 * 3600),
    FOLD: ("40 * * * *", 30 * 60),
}
"""When a DAG starts, and after how many seconds it is late."""


WRONG = (
    (BACKFILL, {}, "start_date"),
    (BACKFILL, {"start_date": "2025-09-01", "end_date": "soon"}, "end_date"),
    (BACKFILL, {"start_date": "2025-09-31", "end_date": "2025-10-01"}, "start_date"),
    (BACKFILL, {"start_date": "2025-09-01", "end_date": "2025-09-01", "days_at_once": 0},
     "days_at_once"),
    (DAILY, {"days": 1}, "days"),
    (DAILY, {"date": "yesterday"}, "date"),
    ("chapterflow_hourly", {"days": 0}, "days"),
)  # fmt: skip
"""Params that a DAG refuses, and the one that its message names."""


@pytest.fixture(scope="module")
def local(home: Path, school: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow for a warehouse that the daily DAG fills, and what it looks like."""
    airflow = on_this_machine(home, school, tmp_path_factory.mktemp("lake") / "warehouse")
    return airflow, airflow.inside("describe")[0]


@pytest.fixture(scope="module")
def on_google(home: Path) -> dict[str, Any]:
    """What the DAGs look like in Composer."""
    return Airflow(home, ON_GOOGLE).inside("describe")[0]


def _warehouse(airflow: Airflow) -> str:
    return airflow.environment["CHAPTERFLOW_WAREHOUSE"]


def test_dags_import_on_both_runners(local: tuple, on_google: dict) -> None:
    for described, steps in ((local[1], STEPS), (on_google, ON_BIGQUERY)):
        assert described["errors"] == {}
        assert described["dags"].keys() == steps.keys()


def test_tasks_wait_for_each_other_as_stored(local: tuple) -> None:
    assert _waiting(local[1]) == STEPS


def test_bigquery_is_folded_and_not_maintained_and_else_the_steps_are_the_same(
    on_google: dict,
) -> None:
    assert _waiting(on_google) == ON_BIGQUERY


def _waiting(described: dict) -> dict[str, Any]:
    return {
        name: {task: told["upstream"] for task, told in dag["tasks"].items()}
        for name, dag in described["dags"].items()
    }


def test_every_task_is_tried_again_with_growing_pauses_but_checks_are_not(
    local: tuple, on_google: dict
) -> None:
    for described in (local[1], on_google):
        tasks = [item for dag in described["dags"].values() for item in dag["tasks"].items()]
        for name, task in tasks:
            assert task["retries"] == (0 if name == "check" else 3), name
            assert task["backoff"]
            assert task["retry_seconds"] == 60
            assert task["alerts"]


def test_runs_start_and_are_late_when_stored(on_google: dict) -> None:
    dags = on_google["dags"]
    found = {name: (dag["schedule"], *dag["deadline_seconds"]) for name, dag in dags.items()}
    assert found == TIMES
    assert {(dag["catchup"], dag["max_active_runs"]) for dag in dags.values()} == {(False, 1)}


def test_nothing_holds_a_worker_while_it_waits(local: tuple, on_google: dict) -> None:
    tasks = [item for dag in on_google["dags"].values() for item in dag["tasks"].items()]
    assert {name: task.get("deferrable") for name, task in tasks if name != "plan"} == {
        "wait_for_events": True, "batch": True, "rollup": True, "check": True, "fold": True,
    }  # fmt: skip
    sensors = [local[1]["dags"][DAILY]["tasks"][f"wait_for_{topic}"] for topic in TOPICS]
    assert {sensor["mode"] for sensor in sensors} == {"reschedule"}


def test_google_is_asked_what_the_workflows_ask_with_parameters_that_the_template_has(
    home: Path,
) -> None:
    asked = Airflow(home, ON_GOOGLE).inside(
        "ask", "2025-09-03T02:30:00+00:00", "2025-09-04T02:30:00+00:00", "{}"
    )[0]
    assert asked["prefix"] == "events/date=2025-09-03/"
    launch = asked["launch"]["launchParameter"]
    assert launch["parameters"]["start_date"] == "2025-09-02"
    assert launch["parameters"]["end_date"] == "2025-09-04"
    known = {told["name"]: told for told in _template()["metadata"]["parameters"]}
    for name, value in launch["parameters"].items():
        assert all(re.fullmatch(regex, value) for regex in known[name]["regexes"]), name
    steps = _workflow("batch")["launch_batch"]["steps"]
    body = steps[1]["launch"]["try"]["args"]["body"]["launchParameter"]
    assert launch.keys() == body.keys()
    assert launch["environment"].keys() == body["environment"].keys()
    for name, program in (("rollup", rollup), ("check", check), ("fold", fold)):
        told = vars(program.build_parser().parse_args(asked["jobs"][name]))
        assert told["warehouse"] == ON_GOOGLE["WAREHOUSE"]
        assert str(told.get("as_of", "2025-09-03")) == "2025-09-03"


def _template() -> dict[str, Any]:
    return json.loads((ROOT / "templates" / "batch.json").read_text("utf-8"))


def _workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "terraform" / "workflows" / f"{name}.yaml").read_text("utf-8"))


def test_workflows_have_the_steps_of_the_dags(on_google: dict) -> None:
    of_rollup = [step for step in _steps("rollup") if step in ("rollup", "check")]
    for name in ("daily", "backfill"):
        called = [step for step in _steps(name) if step in ("batch", "rollup")]
        tasks = on_google["dags"][f"chapterflow_{name}"]["tasks"]
        assert [*called[:-1], *of_rollup] == [t for t in tasks if t in ("batch", *of_rollup)]
    told = on_google["dags"][BACKFILL]["params"]
    text = (ROOT / "terraform" / "workflows" / "backfill.yaml").read_text("utf-8")
    assert set(re.findall(r'args(?:\.|, ")(\w+)', text)) - {"end_date"} <= told.keys()


def _steps(name: str) -> list[str]:
    return [step for entry in _workflow(name)["main"]["steps"] for step in entry]


def test_dags_read_the_settings_that_terraform_gives_the_workflows() -> None:
    text = (ROOT / "terraform" / "workflows.tf").read_text("utf-8")
    given = re.findall(r"^    ([A-Z_]+) +=", text.split("workflow_settings = {")[1], re.MULTILINE)
    assert {*given, "RUNNER"} == ON_GOOGLE.keys()


def test_importing_a_dag_connects_starts_and_writes_nothing(local: tuple) -> None:
    assert local[0].inside("imports")[0] == []


@pytest.mark.parametrize("runner", ["local", "google"])
def test_missing_settings_are_named_by_the_error_of_the_import(home: Path, runner: str) -> None:
    errors = Airflow(home, {"RUNNER": runner}).inside("describe")[0]["errors"]
    assert len(errors) == len(ON_BIGQUERY)
    name = {"local": "CHAPTERFLOW_PYTHON", "google": "CHAPTERFLOW_PROJECT"}[runner]
    assert all(f"CHAPTERFLOW_WAREHOUSE, {name}" in text for text in errors.values())


def test_files_on_google_are_refused_as_nobody_would_maintain_them(home: Path) -> None:
    told = ON_GOOGLE | {"WAREHOUSE": "gs://a-project-warehouse"}
    errors = Airflow(home, told).inside("describe")[0]["errors"]
    assert len(errors) == len(ON_BIGQUERY)
    assert all("CHAPTERFLOW_WAREHOUSE is gs://a-project-warehouse" in e for e in errors.values())


def test_the_fold_is_started_as_often_as_terraform_starts_it(on_google: dict) -> None:
    text = (ROOT / "terraform" / "variables.tf").read_text("utf-8")
    assert f'optional(string, "{on_google["dags"][FOLD]["schedule"]}")' in text


def test_a_day_runs_for_real_by_airflows_own_command(local: tuple) -> None:
    done = local[0].run("airflow", "dags", "test", DAILY, MORNING)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    runs = open_snapshot(_warehouse(local[0])).polars("ops.pipeline_runs").sort("finished_at")
    assert runs["mode"].to_list() == ["batch", "rollup", "check", "maintain"]
    dates = open_snapshot(_warehouse(local[0])).polars("silver.events")["event_date"]
    assert [str(date) for date in dates.unique().sort()] == [f"2025-09-0{n}" for n in (2, 3, 4)]
    summary = open_snapshot(_warehouse(local[0])).polars("gold.student_features")
    assert {str(date) for date in summary["as_of_date"]} == {"2025-09-03"}


def test_a_task_that_failed_is_tried_again_and_a_rerun_changes_nothing(
    local: tuple, home: Path, school: Path, tmp_path: Path
) -> None:
    before = open_snapshot(_warehouse(local[0]))
    airflow = on_this_machine(
        home, school, Path(_warehouse(local[0])), PYTHON=_fails_first(tmp_path)
    )
    found, _ = airflow.inside("run", DAILY, MORNING, "{}", "quickly")
    assert found["state"] == "success"
    assert {name: task["tries"] for name, task in found["tasks"].items()} == {
        **dict.fromkeys(STEPS[DAILY], 1), "batch": 2,
    }  # fmt: skip
    after = open_snapshot(_warehouse(local[0]))
    assert before.version("silver.events") != after.version("silver.events")
    assert differences(before, after) == []


def _fails_first(folder: Path) -> str:
    """An interpreter that is broken the first time it is used."""
    script, mark = folder / "python", folder / "used"
    script.write_text(
        f'#!/bin/sh\nif [ -e {mark} ]; then exec {sys.executable} "$@"; fi\n'
        f"touch {mark}; echo 'the disk is full'; exit 1\n"
    )
    script.chmod(0o755)
    return str(script)


def test_a_failing_check_stops_what_comes_after_and_somebody_is_told(
    home: Path, school: Path, tmp_path: Path
) -> None:
    airflow = on_this_machine(home, school, tmp_path / "warehouse")
    told_of = {"event_type": "page_view", "session_id": "x", "is_id_conflict": False}
    row = event("a", event_hour=10, **told_of)
    commits(tmp_path / "warehouse").commit({"events": changes("events", row)}, facts())
    found, printed = airflow.inside("run", DAILY, MORNING, json.dumps(MIDDLE))
    assert found["state"] == "failed"
    states = {name: task["state"] for name, task in found["tasks"].items()}
    assert states["rollup"] == "success"
    assert (states["check"], states["maintain"]) == ("failed", "upstream_failed")
    assert found["tasks"]["check"]["tries"] == 1
    alerts = _alerts(printed)
    assert [(alert["chapterflow_alert"], alert["task"]) for alert in alerts] == [
        ("task_failed", "check")
    ]
    assert "pipelines.check ended with 1" in printed


def _alerts(printed: str) -> list[dict[str, Any]]:
    mark = '{"chapterflow_alert"'
    lines = (line[line.index(mark) :] for line in printed.splitlines() if mark in line)
    return [json.JSONDecoder().raw_decode(line)[0] for line in lines]


def test_a_day_without_events_is_waited_for_until_somebody_is_told(
    home: Path, school: Path, tmp_path: Path
) -> None:
    airflow = on_this_machine(home, school, tmp_path / "warehouse", TOPICS="quiz")
    told = json.dumps({"date": "2025-10-01"})
    found, printed = airflow.inside("run", DAILY, MORNING, told, "quickly")
    assert found["tasks"]["wait_for_quiz"]["state"] == "failed"
    assert found["tasks"]["batch"]["state"] == "upstream_failed"
    assert [alert["task"] for alert in _alerts(printed)] == ["wait_for_quiz"]


def test_wrong_params_are_refused_before_anything_runs(local: tuple) -> None:
    cases = [(dag_id, told) for dag_id, told, _ in WRONG]
    refused = local[0].inside("refuse", json.dumps(cases))[0]
    for reason, (_, told, name) in zip(refused, WRONG, strict=True):
        assert f"param {name}" in reason, (told, reason)


def test_backfill_of_a_range_equals_day_by_day(home: Path, school: Path, tmp_path: Path) -> None:
    dates = {"start_date": "2025-09-01", "end_date": "2025-09-04"}
    for name, days, number in (("whole", 7, 1), ("days", 1, 4)):
        airflow = on_this_machine(home, school, tmp_path / name)
        told = json.dumps(dates | {"days_at_once": days})
        found, printed = airflow.inside("run", BACKFILL, f"2026-01-0{days}T00:00:00+00:00", told)
        assert found["state"] == "success", printed[-3000:]
        batches = [task for task in found["tasks"] if task.startswith("batch")]
        assert batches == [f"batch[{n}]" for n in range(number)]
    whole, days = (open_snapshot(tmp_path / name) for name in ("whole", "days"))
    assert whole.polars("silver.events").height > 100
    assert differences(whole, days) == []


def test_backfill_from_a_date_after_its_end_runs_no_batch(
    home: Path, school: Path, tmp_path: Path
) -> None:
    airflow = on_this_machine(home, school, tmp_path / "warehouse")
    told = json.dumps({"start_date": "2025-09-02", "end_date": "2025-09-01"})
    found, printed = airflow.inside("run", BACKFILL, "2026-02-01T00:00:00+00:00", told)
    assert found["tasks"]["plan"] == {"state": "failed", "tries": 1}
    assert [alert["task"] for alert in _alerts(printed)] == ["plan"]
    assert "start_date 2025-09-02 is after end_date 2025-09-01" in printed
    assert not (tmp_path / "warehouse").exists()


def test_a_run_that_is_late_is_told_of_by_the_triggerer(home: Path) -> None:
    airflow = Airflow(home, ON_GOOGLE)
    stored = airflow.run("airflow", "dags", "reserialize")
    assert stored.returncode == 0, stored.stderr[-3000:]
    found, printed = airflow.inside("deadline", DAILY)
    assert found["states"] == ["running", "success"]
    assert abs(found["seconds_left"] - 4 * 3600) < 300
    assert found["callback"] == "chapterflow_alerts.tell_missed_deadline"
    assert [(one["chapterflow_alert"], one["dag"], one["seconds"]) for one in _alerts(printed)] == [
        ("deadline_missed", DAILY, 4 * 3600.0)
    ]
