"""How is a server process started, waited for and ended?"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import SystemRandom

from pipelines.services.errors import ServiceError

START_SECONDS = 120.0
STOP_SECONDS = 20.0
PORTS = range(15_000, 32_000)
"""Below those that Linux gives to whoever asks for any (from 32768 on): a port of these can go to
another program before the server that it was meant for is up."""
_POLL_SECONDS = 0.05
_TAIL_LINES = 15
TETHER = Path(__file__).with_name("tether.py")


def tethered(command: Sequence[str]) -> list[str]:
    """The command that ends when this process does, however it does.

    On Linux it already ends with the thread that started it: start servers from one that stays.
    """
    return [sys.executable, "-S", "-E", str(TETHER), str(os.getpid()), *command]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody has, any of `PORTS`."""
    tried = SystemRandom().sample(PORTS, len(PORTS))
    return list(islice(filter(_is_free, tried), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def is_listening(port: int) -> bool:
    """Does a server of this machine answer at the port?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kill_by_id(pid: int, part_of_command: str) -> bool:
    """Kill a process that is no child, if its command line says that it is the one meant."""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=STOP_SECONDS).stdout
    if part_of_command not in said:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


class Process:
    """One server process, its output in a log file. It can be started again after it has ended."""

    def __init__(
        self,
        name: str,
        log: Path,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, is_ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Start it and wait until `is_ready`. Raises ServiceError with the log's last lines."""
        self.begin()
        self.wait(is_ready, seconds)

    def begin(self) -> None:
        """Start it. Raises ServiceError if it runs."""
        if self.pid:
            raise ServiceError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                tethered(self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                # Ctrl-C is for the program that started it, which then stops it in order.
                start_new_session=True,
            )

    def wait(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `is_ready`; else kill it and raise ServiceError with the log's last lines."""
        end = time.monotonic() + seconds
        while self.pid and time.monotonic() < end:
            if is_ready():
                return
            time.sleep(_POLL_SECONDS)
        problem = "is not ready in time" if self.pid else "ended while starting"
        self.kill()
        raise ServiceError(f"{self.name} {problem}; the end of {self.log}:\n{self._tail()}")

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to end, kill it if it does not in time; nothing if it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, like a crash (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])
