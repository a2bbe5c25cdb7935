"""How do the programs speak on standard error? As text, or as one JSON object per line.

It imports nothing of the project: a handler lives until the very end of the interpreter, and would
keep alive whatever its formatter's module knows.
"""

import json
import logging
import os
import sys
from typing import NoReturn

_OWN = ("chapterflow", "pipelines")
"""Loggers of the project: by its name, or by that of the module."""


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; `job_name` is told on each where there is one."""

    def __init__(self, job_name: str = ""):
        super().__init__()
        self._job = {"job": job_name} if job_name else {}

    def format(self, record: logging.LogRecord) -> str:
        """time, severity, message, and the fields given as `extra={"fields": …}`."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._job,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class OwnHandler(logging.StreamHandler):
    """Writes the project's messages from INFO and those of libraries from ERROR to stderr.

    It judges for itself, as Beam's worker sets the level of the root logger.
    """

    def __init__(self, log_format: str, job_name: str):
        super().__init__(sys.stderr)
        plain = logging.Formatter("%(name)s: %(message)s")
        self.setFormatter(JsonFormatter(job_name) if log_format == "json" else plain)
        self.addFilter(_is_shown)


def start_logging(log_format: str, job_name: str = "") -> None:
    """Own messages at INFO, those of libraries at ERROR, on standard error, and nothing else."""
    handler = OwnHandler(log_format, job_name)
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    _let_own_speak()


def start_worker_logging(log_format: str, job_name: str = "") -> None:
    """The same in a worker, for `DoFn.setup`, besides Beam's own way to the runner.

    A worker in the program's own process (LOOPBACK) speaks already; one of a pool does not.
    """
    root = logging.getLogger()
    if any(isinstance(handler, OwnHandler) for handler in root.handlers):
        return
    for handler in [h for h in root.handlers if type(h) is logging.StreamHandler]:
        root.removeHandler(handler)  # plain text, from before the worker knew its job
    root.addHandler(OwnHandler(log_format, job_name))
    _let_own_speak()


def _let_own_speak() -> None:
    for name in _OWN:
        logging.getLogger(name).setLevel(logging.INFO)


def _is_shown(record: logging.LogRecord) -> bool:
    is_own = record.name.partition(".")[0] in _OWN
    return record.levelno >= (logging.INFO if is_own else logging.ERROR)


def leave(code: int) -> NoReturn:
    """End the process at once, with everything it said written.

    Beam's communication threads outlive a run, and now and then abort an interpreter that is
    taking itself apart; there is nothing left that it would have to do.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
