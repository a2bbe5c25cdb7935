"""Do the texts around the infrastructure fit it? READMEs, workflows, runbook, the beta module."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import hcl2
import pytest
import yaml

from pipelines import check, fold, provision, rollup
from pipelines.options import flags, stream_flags
from tests.terraform.tools import ENVIRONMENTS, ROOT, TERRAFORM

WORKFLOWS = sorted((TERRAFORM / "workflows").glob("*.yaml"))
PROGRAMS = {
    "chapterflow-rollup": rollup,
    "chapterflow-check": check,
    "chapterflow-fold": fold,
    "chapterflow-provision": provision,
}
MODULE = TERRAFORM / "modules" / "flex_template_job"
ARGUMENTS = {
    *("container_spec_gcs_path", "name", "region", "transform_name_mapping", "on_delete", "labels"),
    *("parameters", "project", "num_workers", "max_workers", "service_account_email"),
    *("temp_location", "staging_location", "sdk_container_image", "network", "subnetwork"),
    *("machine_type", "kms_key_name", "ip_configuration", "additional_experiments"),
    *("enable_streaming_engine", "autoscaling_algorithm", "launcher_machine_type"),
    "skip_wait_on_job_termination",
}
"""Of google_dataflow_flex_template_job, from its documentation: it cannot be built here."""
META = {"provider", "lifecycle", "__comments__", "__is_block__"}


def _parse(folder: Any) -> dict[str, list[dict[str, Any]]]:
    """All blocks of a folder's *.tf files by their kind."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.tf")):
        for kind, found in hcl2.loads(path.read_text("utf-8")).items():
            blocks.setdefault(kind, []).extend(found if isinstance(found, list) else [])
    return blocks


def _names(blocks: list[dict[str, Any]]) -> set[str]:
    return {key.strip('"') for block in blocks for key in block if not key.startswith("__")}


@pytest.mark.parametrize("program", ["describe_modules.py", "describe_warehouse.py"])
def test_what_is_made_is_up_to_date(program: str) -> None:
    command = [sys.executable, str(TERRAFORM / program), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_beta_module_passes_only_arguments_that_the_resource_has() -> None:
    (resource,) = _parse(MODULE)["resource"]
    (job,) = resource['"google_dataflow_flex_template_job"'].values()
    assert job.keys() - META <= ARGUMENTS
    assert job["ip_configuration"] == '"WORKER_IP_PRIVATE"'
    assert {"service_account_email", "kms_key_name", "labels", "subnetwork"} <= job.keys()


@pytest.mark.parametrize("folder", [TERRAFORM, TERRAFORM / "jobs", MODULE], ids=lambda p: p.name)
def test_variables_are_typed_described_and_used(folder: Any) -> None:
    blocks = _parse(folder)
    for block in blocks["variable"]:
        for name, body in ((k, v) for k, v in block.items() if not k.startswith("__")):
            assert {"type", "description"} <= body.keys(), name
    text = "\n".join(p.read_text("utf-8") for p in folder.glob("*.tf") if p.name != "variables.tf")
    used = set(re.findall(r"\bvar\.(\w+)", text))
    assert used == _names(blocks["variable"])


def test_jobs_give_the_module_only_variables_that_it_has() -> None:
    (module,) = _parse(TERRAFORM / "jobs")["module"]
    given = module['"streaming"'].keys() - META - {"source"}
    variables = _parse(MODULE)["variable"]
    needed = {n.strip('"') for b in variables for n, v in b.items() if "default" not in v}
    assert needed <= given <= _names(variables)


def test_jobs_read_only_outputs_that_there_are() -> None:
    text = (TERRAFORM / "jobs" / "main.tf").read_text("utf-8")
    text += (TERRAFORM / "jobs" / "versions.tf").read_text("utf-8")
    assert set(re.findall(r"local\.base\.(\w+)", text)) <= _names(_parse(TERRAFORM)["output"])


def _streams_options() -> set[str]:
    return {action.dest for action in stream_flags.build_parser()._actions}


def test_the_stream_gets_only_options_that_it_has() -> None:
    text = (TERRAFORM / "jobs" / "main.tf").read_text("utf-8")
    parameters = text.split("parameters = merge(")[1].split("})")[0]
    assert set(re.findall(r"^ +(\w+) += ", parameters, re.MULTILINE)) <= _streams_options()


def test_the_batch_gets_only_options_that_it_has() -> None:
    text = (TERRAFORM / "workflows.tf").read_text("utf-8")
    parameters = text.split("batch_parameters = merge(")[1].split("})")[0]
    named = set(re.findall(r"^ +(\w+) += ", parameters, re.MULTILINE))
    named |= set(re.findall(r"parameters\.(\w+)", (WORKFLOWS[1].parent / "batch.yaml").read_text()))
    assert named <= {action.dest for action in flags.build_parser()._actions}
    assert {"input", "warehouse", "start_date", "end_date"} <= named


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_reads_only_settings_that_it_is_given(path: Any) -> None:
    given = (TERRAFORM / "workflows.tf").read_text("utf-8").split("workflow_settings = {")[1]
    names = set(re.findall(r"^ +([A-Z_]+) +=", given.split("\n  }")[0], re.MULTILINE))
    assert set(re.findall(r'sys\.get_env\("(\w+)"\)', path.read_text("utf-8"))) <= names


def _steps(steps: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in steps:
        for name, body in step.items():
            yield name, body
            for inner in (body, body.get("try", {}), body.get("except", {})):
                yield from _steps(inner.get("steps", []))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_and_jumps_only_to_what_there_is(path: Any) -> None:
    flows = yaml.safe_load(path.read_text("utf-8"))
    assert "main" in flows
    for flow in flows.values():
        steps = dict(_steps(flow["steps"]))
        jumps = set(re.findall(r"'next': '(\w+)'", str(flow)))
        assert jumps <= steps.keys()
        calls = set(re.findall(r"'call': '([\w.]+)'", str(flow)))
        assert {c for c in calls if not c.startswith(("googleapis.", "sys."))} <= flows.keys()


def test_workflows_run_jobs_and_workflows_that_there_are_with_options_that_they_have() -> None:
    names = {f"chapterflow-{path.stem}" for path in WORKFLOWS} | PROGRAMS.keys()
    for path in WORKFLOWS:
        for flow in yaml.safe_load(path.read_text("utf-8")).values():
            for _, step in _steps(flow["steps"]):
                arguments = (step.get("try") or step).get("args") or {}
                name = arguments.get("name", "")
                if name.startswith("chapterflow-"):
                    assert name in names
                _check_options(name, arguments.get("arguments", []))


def _check_options(program: str, arguments: list[str]) -> None:
    named = set(re.findall(r"--(\w+)=", " ".join(arguments)))
    known = {a.dest for a in PROGRAMS[program].build_parser()._actions} if named else set()
    assert named <= known


def test_every_job_on_cloud_run_is_a_program_of_ours() -> None:
    text = (TERRAFORM / "cloud_run.tf").read_text("utf-8")
    found = dict(re.findall(r'(\w+) += \{ program = "([\w.]+)"', text))
    programs = {f"chapterflow-{job}": name for job, name in found.items()}
    assert programs == {job: program.__name__ for job, program in PROGRAMS.items()}


def test_every_alert_names_a_section_of_the_runbook() -> None:
    text = (TERRAFORM / "monitoring.tf").read_text("utf-8")
    sections = set(re.findall(r'section += "([^"]+)"', text))
    sections |= set(re.findall(r'section \\"([^$"\\]+)\\"', text))
    runbook = (ROOT / "docs" / "runbook-cloud.md").read_text("utf-8")
    assert sections == set(re.findall(r"^## (.+)$", runbook, re.MULTILINE))


def test_the_environments_set_only_variables_that_there_are() -> None:
    known = _names(_parse(TERRAFORM)["variable"])
    files = sorted((TERRAFORM / "environments").glob("*.tfvars"))
    assert [path.stem for path in files] == sorted(ENVIRONMENTS)
    for path in files:
        values = hcl2.loads(path.read_text("utf-8"))
        assert {k for k in values if not k.startswith("__")} <= known
        assert values["environment"] == f'"{path.stem}"'
