"""How long does a command take, and how much memory do it and all its descendants hold at most?"""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Run:
    """Wall time, and the largest sum of resident memory of the process tree.

    Pages that processes share count once for each of them.
    """

    seconds: float
    peak_bytes: int
    exit_code: int
    output: str


def measure(
    command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Run:
    """Run the command to its end, watching its process tree."""
    begun = time.monotonic()
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    peaks: list[int] = [0]
    watcher = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - begun
    watcher.join()
    return Run(seconds, max(peaks), process.returncode, output)


def _watch(process: subprocess.Popen[str], peaks: list[int]) -> None:
    while process.poll() is None:
        peaks[0] = max(peaks[0], tree_bytes(process.pid))
        time.sleep(POLL_SECONDS)


def tree_bytes(root: int) -> int:
    """Resident bytes of a process and all its descendants, now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        parent = _parent(entry) if entry.isdigit() else None
        if parent is not None:
            children.setdefault(parent, []).append(int(entry))
    waiting, total = [root], 0
    while waiting:
        current = waiting.pop()
        total += _resident(current)
        waiting += children.get(current, ())
    return total


def _parent(pid: str) -> int | None:
    try:
        text = Path("/proc", pid, "stat").read_text(errors="replace")
    except OSError:
        # It ended while we looked.
        return None
    # The name of the program, in brackets, may hold anything.
    return int(text.rpartition(")")[2].split()[1])


def _resident(pid: int) -> int:
    try:
        return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0
