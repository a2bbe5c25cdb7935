"""How do tests run Airflow? Its own interpreter, a folder and a database of their own."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.services.jars import cache_folder
from tests.orchestration.inside_airflow import MARK

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "orchestration" / "dags"
PLUGINS = ROOT / "orchestration" / "plugins"
_REQUIREMENTS = ROOT / "orchestration" / "requirements.txt"
_INSTALL_SECONDS, _RUN_SECONDS = 3000, 900


def airflow_folder() -> Path:
    """The environment with Airflow, made by the command of the Makefile if it is not there."""
    version = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"airflow-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "airflow-setup", f"AIRFLOW={folder}", f"PYTHON={sys.executable}"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=_INSTALL_SECONDS
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


class Airflow:
    """An Airflow with our DAGs, its database in `home`; `settings` become CHAPTERFLOW_…."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._bin = airflow_folder() / "bin"
        self.environment = {
            **os.environ,
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, (PLUGINS, DAGS))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            **{f"CHAPTERFLOW_{name}": value for name, value in settings.items()},
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of the environment, whatever comes of it."""
        return subprocess.run(
            [str(self._bin / command[0]), *command[1:]],
            env=self.environment, capture_output=True, text=True, timeout=_RUN_SECONDS,
        )  # fmt: skip

    def inside(self, *arguments: str) -> tuple[Any, str]:
        """What a command of `inside_airflow` gives, and all it prints. Raises AssertionError."""
        script = str(Path(__file__).with_name("inside_airflow.py"))
        done = self.run("python", script, *arguments)
        printed = done.stdout + done.stderr
        found = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        assert found, printed[-4000:]
        return json.loads(found[-1].removeprefix(MARK)), printed
