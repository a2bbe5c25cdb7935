"""How does a local worker process of Beam start? Silently: only errors go to standard error.

Beam's own entry point logs every step of its start-up before any option can tell it not to.
"""

import logging
import os
import shlex
import sys
import threading
import time

from pipelines.observability.logs import leave


def main() -> int:
    """Run Beam's worker until the runner is done with it; the exit code."""
    handler = logging.StreamHandler(sys.stderr)
    # The harness sets the level of the root logger, so the handler has one of its own.
    handler.setLevel(logging.ERROR)
    logging.getLogger().addHandler(handler)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
    return 0


def _end_with(parent: int) -> None:
    """End when the program that started the worker has died, which Beam's worker outlives."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def command() -> str:
    """The command line, for a shell, that starts a worker."""
    return f"exec {shlex.quote(sys.executable)} -m pipelines.worker"


if __name__ == "__main__":
    leave(main())
