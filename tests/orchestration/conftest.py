"""A small school, and Airflows that run its days: one on this machine, one as if on Google."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.simulate.__main__ import main as simulate
from tests.compare_rows import DEFAULT_KEY
from tests.orchestration.airflow_home import ROOT, Airflow

TOPICS = ("clickstream", "quiz", "video")
ON_GOOGLE = {
    "RUNNER": "google",
    "PROJECT": "a-project",
    "REGION": "europe-west1",
    "TEMPLATE": "gs://a-project-templates/batch.json",
    "PARAMETERS": json.dumps({"input": "gs://a-project-raw/", "warehouse": "bq://a-project"}),
    "WAREHOUSE": "bq://a-project",
    "STAGING": "gs://a-project-staging",
    "SERVICE_ACCOUNT": "batch@a-project.iam.gserviceaccount.com",
    "SUBNETWORK": "regions/europe-west1/subnetworks/workers",
    "KMS_KEY": "projects/a-project/locations/europe-west1/keyRings/r/cryptoKeys/k",
    "MACHINE_TYPE": "n2-standard-4",
    "MAX_WORKERS": "4",
    "LABELS": '{"app": "chapterflow"}',
}
"""What the environment of Composer says; nothing of it exists."""


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of four days in September 2025, from the first on, as a raw zone."""
    folder = tmp_path_factory.mktemp("school")
    assert simulate([f"--out={folder}", "--students=6", "--days=4"]) == 0
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Airflow with an empty database."""
    folder = tmp_path_factory.mktemp("airflow")
    done = Airflow(folder, {}).run("airflow", "db", "migrate")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def on_this_machine(home: Path, school: Path, warehouse: Path, **settings: str) -> Airflow:
    """An Airflow that runs the school's days with this project's programs into a warehouse."""
    parameters = {
        "input": str(school / "events" / "raw"),
        "warehouse": str(warehouse),
        "catalog": str(school / "catalog.csv"),
    }
    usual = {
        "RUNNER": "local", "PYTHON": sys.executable, "HOME": str(ROOT), "TOPICS": ",".join(TOPICS),
        "WAREHOUSE": str(warehouse), "PARAMETERS": json.dumps(parameters),
        "PSEUDONYM_KEY": DEFAULT_KEY,
    }  # fmt: skip
    return Airflow(home, usual | settings)
