"""Which tests are slow, and how does a test run end? With pytest's closing line."""

import os
import sys
from collections.abc import Iterator

import pytest

_status = {"code": 0}
_WHOLE_PROGRAMS = (
    "test_batch_", "test_demo", "test_replay_",
    "test_stream_", "test_kafka_", "test_flink_", "test_services",
)  # fmt: skip
"""Files of tests that run whole programs or servers: `make check` leaves them out."""
_FAULTS = "test_flink_faults"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of whole programs as slow, and those that kill a cluster as faults."""
    for item in items:
        if item.path.name.startswith(_WHOLE_PROGRAMS):
            item.add_marker(pytest.mark.slow)
        if item.path.name.startswith(_FAULTS):
            item.add_marker(pytest.mark.faults)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the exit code for `pytest_unconfigure`."""
    _status["code"] = int(exitstatus)


@pytest.hookimpl(wrapper=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    """Leave at once: DuckDB's bindings would list objects that other tests' frames still hold."""
    yield
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_status["code"])
