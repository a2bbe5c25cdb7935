"""How does Flink's worker pool start a Python worker? As Beam's, with our environment and manners.

Beam's pool would run a bare `python` without options, whose output nobody reads, and which lives on
when the pool has been killed. It calls this as it would call the entry point of a container.
"""

import argparse
import os
import sys

from pipelines import one_thread, worker  # noqa: F401  # the first before Polars
from pipelines.observability.logs import leave
from pipelines.spare_memory import spare_memory


def main(arguments: list[str]) -> int:
    """Run a worker for the addresses given until the runner is done with it; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--id")
    for name in ("control_endpoint", "logging_endpoint"):
        parser.add_argument(f"--{name}")
    spare_memory()
    known, _ = parser.parse_known_args(arguments)
    os.environ.update(
        WORKER_ID=known.id,
        CONTROL_API_SERVICE_DESCRIPTOR=f'url: "{known.control_endpoint}"',
        LOGGING_API_SERVICE_DESCRIPTOR=f'url: "{known.logging_endpoint}"',
    )
    return worker.main()


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
