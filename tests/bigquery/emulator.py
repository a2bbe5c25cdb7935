"""How does a BigQuery run on this machine? An emulator, in a Python 3.13 of its own, from PyPI."""

import fcntl
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Self

import requests

from pipelines.services.errors import ServiceError
from pipelines.services.jars import cache_folder
from pipelines.services.server import Process, free_ports
from pipelines.services.service import OneProcess

PROJECT = "school"
_REQUIREMENTS = Path(__file__).with_name("emulator_requirements.txt")
_START = Path(__file__).with_name("start_emulator.py")
_INSTALL_SECONDS = 600


class Emulator(OneProcess):
    """A server on free ports that keeps its tables in a folder. Started again it has them still.

    `buckets`: the folder that it takes for gs://.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self.grpc_port = free_ports(2)
        self.buckets = folder / "buckets"
        self._process = Process(
            "the BigQuery emulator",
            folder / "emulator.log",
            [
                *(str(_environment() / "bin" / "python"), str(_START)),
                *("--host", "127.0.0.1", "--port", str(self.port)),
                *("--grpc-port", str(self.grpc_port)),
                *("--project", PROJECT, "--data-dir", str(folder / "tables")),
            ],
            {"GCS_LOCAL_ROOT": str(self.buckets)},
        )

    @property
    def address(self) -> str:
        """What BIGQUERY_EMULATOR_HOST is to say."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def grpc_address(self) -> str:
        """What BIGQUERY_STORAGE_EMULATOR_HOST is to say."""
        return f"127.0.0.1:{self.grpc_port}"

    def start(self) -> Self:
        """Start it and wait until it answers a query. Raises ServiceError."""
        self._process.start(self._answers)
        return self

    def _answers(self) -> bool:
        url = f"{self.address}/bigquery/v2/projects/{PROJECT}/queries"
        try:
            asked = {"query": "SELECT 1", "useLegacySql": False}
            return requests.post(url, json=asked, timeout=10).ok
        except requests.RequestException:
            return False


def find_python() -> str | None:
    """A Python 3.13: one that pyenv keeps, else that of the PATH; None without one."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(map(str, root.glob("versions/3.13*/bin/python3.13")), reverse=True)
    named = shutil.which("python3.13")
    return next((path for path in (*kept, named) if path and _runs(path)), None)


def _runs(python: str) -> bool:
    """A command of that name may only say which versions there are."""
    return subprocess.run([python, "-c", "import venv"], capture_output=True).returncode == 0


def _environment() -> Path:
    """The emulator's own environment, made once for each text of its requirements."""
    digest = sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"local-bigquery-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    python = find_python()
    if python is None:
        raise ServiceError("there is no Python 3.13 for the BigQuery emulator; install python3.13")
    shutil.rmtree(folder, ignore_errors=True)
    _run([python, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps"]
    _run([*pip, "-r", str(_REQUIREMENTS)])
    (folder / "complete").touch()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    if done.returncode:
        raise ServiceError(f"the emulator cannot be installed: {done.stderr.strip()[-500:]}")
