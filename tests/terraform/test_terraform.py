"""Is the infrastructure valid, safe and complete? The provider plans it, a scanner reads it."""

import json
import os
import re
import subprocess
from typing import Any

import pytest

from tests.terraform.conftest import Planned
from tests.terraform.tools import ENVIRONMENTS, PLANS, ROOT, TERRAFORM, Terraform, scanner

WIDE_ROLES = re.compile(
    r"^roles/(owner|editor|viewer|.*[aA]dmin|iam\.serviceAccountTokenCreator|iam\.securityReviewer)$"
)
DATA_ROLES = re.compile(r"^roles/(bigquery\.data|storage\.|pubsub\.|secretmanager\.|datacatalog\.)")
EXPLAINED = {"CKV_GCP_78", "CKV_GCP_80"}
"""Checks that a comment in the code makes an exception of, with its reason."""
OUTSIDERS = ("allUsers", "allAuthenticatedUsers")
NO_LABELS_OF_OURS = {"google_monitoring_notification_channel"}
"""Its `labels` are the channel's settings; ours are its `user_labels`."""


def test_files_are_formatted(terraform: Terraform) -> None:
    done = terraform.run("fmt", "-check", "-recursive")
    assert done.returncode == 0, done.stdout


def test_every_argument_is_known_to_the_provider(terraform: Terraform) -> None:
    done = terraform.run("validate", "-json")
    answer = json.loads(done.stdout)
    assert answer["valid"], [d["summary"] + d.get("detail", "") for d in answer["diagnostics"]]


def _passed(messages: list[dict[str, Any]]) -> int:
    """How many runs passed; AssertionError if one did not."""
    (summary,) = [m["test_summary"] for m in messages if m["type"] == "test_summary"]
    assert (summary["status"], summary["failed"], summary["skipped"]) == ("pass", 0, 0)
    return summary["passed"]


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "prod"])
def test_plans_are_as_meant(environment: str, terraform: Terraform) -> None:
    assert _passed(terraform.test(environment, PLANS)) >= len(PLANS)


def test_plans_of_prod_are_as_meant(prod: list[dict[str, Any]]) -> None:
    assert _passed(prod) >= len(PLANS)


def test_wrong_variables_are_refused(terraform: Terraform) -> None:
    assert _passed(terraform.test("prod", ["refusals"])) >= 9


def test_no_file_of_tests_is_left_out() -> None:
    files = (TERRAFORM / "tests").glob("*.tftest.hcl")
    assert {path.name.split(".")[0] for path in files} == {*PLANS, "refusals"}


def _labels(resource: Planned, schema: dict[str, Any]) -> dict[str, str] | None:
    """The labels of a resource; None when its type takes none."""
    takes = [name for name in ("labels", "user_labels") if name in schema["block"]["attributes"]]
    if resource.kind in NO_LABELS_OF_OURS:
        takes = ["user_labels"]
    return resource.values.get(takes[0]) or {} if takes else None


def test_everything_that_takes_labels_has_ours(
    planned: list[Planned], provider_schemas: dict[str, Any]
) -> None:
    found = {r.address: _labels(r, provider_schemas[r.kind]) for r in planned}
    labelled = {address: labels for address, labels in found.items() if labels is not None}
    ours = {"app": "chapterflow", "environment": "prod", "managed_by": "terraform"}
    assert [a for a, labels in labelled.items() if not ours.items() <= labels.items()] == []
    assert len(labelled) > 60


def test_nobody_has_a_wide_role(planned: list[Planned]) -> None:
    roles = {r.address: r.values["role"] for r in planned if r.values.get("role")}
    assert [f"{address}: {role}" for address, role in roles.items() if WIDE_ROLES.match(role)] == []
    assert len(roles) > 40


def test_no_right_to_data_is_given_on_the_project(planned: list[Planned]) -> None:
    on_project = [r for r in planned if r.kind.startswith("google_project_iam_member")]
    assert [r.address for r in on_project if DATA_ROLES.match(r.values["role"])] == []
    assert on_project


def test_nobody_from_outside_has_any_right(planned: list[Planned]) -> None:
    assert [
        r.address for r in planned if any(who in json.dumps(r.values) for who in OUTSIDERS)
    ] == []


def test_no_rights_are_taken_from_others_on_the_project(planned: list[Planned]) -> None:
    taking = {"google_project_iam_policy", "google_project_iam_binding"}
    assert [r.address for r in planned if r.kind in taking] == []


def test_no_account_has_a_key_and_no_secret_has_a_value_in_the_state(
    planned: list[Planned],
) -> None:
    forbidden = {"google_service_account_key", "google_secret_manager_secret_version"}
    assert [r.address for r in planned if r.kind in forbidden] == []


def test_no_table_without_protection_in_prod(planned: list[Planned]) -> None:
    tables = [r for r in planned if r.kind == "google_bigquery_table"]
    tables = [t for t in tables if not t.values["view"]]
    assert [t.address for t in tables if not t.values["deletion_protection"]] == []
    besides = json.loads((TERRAFORM / "warehouse.json").read_text("utf-8"))["tables"]
    described = list((ROOT / "schemas/generated/bigquery").glob("*.json"))
    assert len(tables) == len(besides) + len(described)


def _refused(template: str, told: dict[str, str]) -> list[str]:
    """What a template would not take: options it lacks or needs, and values it refuses."""
    text = (ROOT / "templates" / f"{template}.json").read_text("utf-8")
    known = {one["name"]: one for one in json.loads(text)["metadata"]["parameters"]}
    refused = [name for name, one in known.items() if not one["isOptional"] and name not in told]
    for name, value in told.items():
        regexes = known[name].get("regexes", []) if name in known else [r"(?!)"]
        refused += [f"{name}={value}" for regex in regexes if not re.fullmatch(regex, value)]
    return refused


def test_the_template_of_the_batch_takes_what_the_workflows_tell_it(
    planned: list[Planned],
) -> None:
    (batch,) = (r for r in planned if r.address == 'google_workflows_workflow.workflows["batch"]')
    told = json.loads(batch.values["user_env_vars"]["PARAMETERS"])
    dates = {"start_date": "2026-03-01", "end_date": "2026-03-02"}
    assert _refused("batch", told | dates) == []
    assert told["warehouse"].startswith("bq://")


def test_the_template_of_the_stream_takes_what_terraform_tells_it(outputs: dict[str, Any]) -> None:
    text = (TERRAFORM / "jobs" / "main.tf").read_text("utf-8")
    written = text.split("parameters = merge(")[1].split("})")[0]

    def given(found: re.Match[str]) -> str:
        value: Any = outputs
        for name in (found[1] or found[2]).split("."):
            value = value[name]
        return value

    base = re.compile(r"\$\{local\.base\.([\w.]+)\}|local\.base\.([\w.]+)")
    pairs = re.findall(r"^ +(\w+) += (.+)$", written, re.MULTILINE)
    told = {name: base.sub(given, value).strip('"') for name, value in pairs}
    assert _refused("streaming", told) == []
    assert told["warehouse"].startswith("bq://")
    assert told["raw_zone"].startswith("gs://")


def test_a_template_that_lacks_what_it_is_told_is_noticed() -> None:
    assert _refused("streaming", {"warehouse": "bq://a-project", "latest": "1"}) == [
        "pseudonym_key_secret", "latest=1",
    ]  # fmt: skip


def test_scanner_finds_only_what_is_explained() -> None:
    command = [
        *(str(scanner()), "--directory", str(TERRAFORM), "--config-file"),
        *(str(TERRAFORM / ".checkov.yaml"), "--output", "json"),
    ]
    done = subprocess.run(
        command, cwd=TERRAFORM, env=dict(os.environ), capture_output=True, text=True, timeout=900
    )
    report = json.loads(done.stdout)
    failed = [f"{c['check_id']} {c['resource']}" for c in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["passed"] > 100
    skipped = report["results"]["skipped_checks"]
    assert {c["check_id"] for c in skipped} == EXPLAINED
    assert all(len(c["check_result"]["suppress_comment"]) > 40 for c in skipped)
