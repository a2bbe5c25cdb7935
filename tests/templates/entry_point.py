"""How do tests start the templates? By their entry point, as Dataflow's launcher calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from pipelines.describe_templates import FOLDER

_SECONDS = 240.0


def parameters(template: str, given: Mapping[str, Any]) -> list[str]:
    """Parameters as the console sends them: all defaults, and what was given."""
    described = json.loads((FOLDER / f"{template}.json").read_text())["metadata"]["parameters"]
    values = {p["name"]: p["defaultValue"] for p in described if "defaultValue" in p} | given
    return [f"--{name}={value}" for name, value in values.items()]


def start(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen:
    """The entry point of the image, as the launcher starts it."""
    known = {n: v for n, v in os.environ.items() if not n.startswith("CHAPTERFLOW_")}
    return subprocess.Popen(
        [sys.executable, str(FOLDER / "main.py"), *arguments],
        env={**known, "PYTHONPATH": str(FOLDER.parent), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Exit code and what was said on standard error."""
    _, said = process.communicate(timeout=_SECONDS)
    return process.returncode, said
