"""How does a test get a program that has to be built? Once for a machine, into the cache."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from pipelines.services.jars import cache_folder
from tests.needs import need

BUILD_SECONDS = 1800
"""The largest, the provider of Terraform, takes 5 minutes of CPU: 21 minutes on very busy cores."""


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache, which `make` fills if it is not there whole."""
    folder = cache_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "complete").touch()
    return folder


def go_program(module: str, version: str, name: str) -> Path:
    """Folder with the program of a Go module; built if it is not there, which takes minutes."""

    def build(folder: Path) -> None:
        need(shutil.which("go"), f"no go on the PATH to build {module}")
        environment = os.environ | {"GOBIN": str(folder), "GOFLAGS": "-p=2"}
        run_to_its_end(["go", "install", f"{module}@{version}"], folder, environment)

    return made_once(name, build)


def run_to_its_end(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a command, which has to work. Raises AssertionError that says what it said last."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, text=True, timeout=BUILD_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        said = (error.output or b"").decode(errors="replace")[-2000:]
        late = (
            f"{' '.join(command)} took more than {BUILD_SECONDS} s; run it by hand. It said: {said}"
        )
        raise AssertionError(late) from None
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}"
