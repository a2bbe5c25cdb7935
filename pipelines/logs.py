"""How do the programs speak on standard error? As text, or as one JSON object per line.

It imports nothing of the project: a handler lives until the very end of the interpreter, and would
keep alive whatever its formatter's module knows.
"""

import json
import logging
import os
import sys
from typing import NoReturn


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """time, severity, message, and the fields given as `extra={"fields": …}`."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start_logging(log_format: str) -> None:
    """Own messages at INFO, those of libraries at ERROR, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    logging.getLogger("chapterflow").setLevel(logging.INFO)


def leave(code: int) -> NoReturn:
    """End the process at once, with everything it said written.

    Beam's communication threads outlive a run, and now and then abort an interpreter that is
    taking itself apart; there is nothing left that it would have to do.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
