"""What the tests of Terraform share: a command with the real provider, and what it planned."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.terraform.tools import PLANS, Terraform


@dataclass(frozen=True)
class Planned:
    """A resource of a plan: its type, address, and arguments as far as they are known."""

    kind: str
    address: str
    values: dict[str, Any]


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The command; the provider is built when it is not there yet."""
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="session")
def provider_schemas(terraform: Terraform) -> dict[str, Any]:
    """Type of resource -> its schema in the real provider."""
    return terraform.schemas()


@pytest.fixture(scope="session")
def prod(terraform: Terraform) -> list[dict[str, Any]]:
    """What the tests of prod said, with whole plans."""
    return terraform.test("prod", PLANS, "-verbose")


@pytest.fixture(scope="session")
def planned(prod: list[dict[str, Any]]) -> list[Planned]:
    """Every resource of a plan of prod with readers, addresses and a budget."""
    resources = _plan(prod)["resource_changes"]
    changes = [(r, r["change"]["after"]) for r in resources if r["mode"] == "managed"]
    return [Planned(r["type"], r["address"], after) for r, after in changes]


@pytest.fixture(scope="session")
def outputs(prod: list[dict[str, Any]]) -> dict[str, Any]:
    """What that plan gives to others, by name."""
    return {name: change["after"] for name, change in _plan(prod)["output_changes"].items()}


def _plan(prod: list[dict[str, Any]]) -> dict[str, Any]:
    plans = [m for m in prod if m["type"] == "test_plan" and "operation" in m["@testfile"]]
    return plans[0]["test_plan"]
