"""How is a run killed, with all its processes, at a moment or once it has written something?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(warehouse: Path, source: Path, *flags: str) -> subprocess.Popen:
    """A run of the batch in a group of processes of its own."""
    command = [sys.executable, "-m", "pipelines.batch", f"--input={source}"]
    return subprocess.Popen(
        [*command, f"--warehouse={warehouse}", *flags],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(process: subprocess.Popen) -> int:
    """Kill -9 of the run and its children; its exit code, -9 unless it had ended already."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def kill_when(process: subprocess.Popen, is_time: Callable[[], bool], seconds: float = 60) -> int:
    """Kill the run as soon as `is_time`; the exit code."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end and not is_time():
        time.sleep(0.0005)
    return kill(process)


def commits(warehouse: Path, table: str) -> int:
    """Commits of a table so far; `table` as the path below the warehouse."""
    return len(list((warehouse / table / "_delta_log").glob("*.json")))
