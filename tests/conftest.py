"""Which tests are slow, and how does a test run end? With pytest's closing line."""

import os
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.googlesql.fixture import googlesql

__all__ = ["googlesql"]
# A machine that stalls for a moment is no fault of an example.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
# A worker of pytest says how wide its terminal is; tests expect what no terminal gives.
os.environ.pop("COLUMNS", None)
_status = {"code": 0}
_WHOLE_PROGRAMS = (
    "test_batch_", "test_demo", "test_replay_",
    "test_stream_", "test_kafka_", "test_flink_", "test_services",
    "test_gcs", "test_template_", "test_terraform",
    "test_dags",
    "test_bigquery_",
    "test_maintain", "test_bench_rollup",
)  # fmt: skip
"""Files of tests that run whole programs or servers: `make check` leaves them out."""
_LONGEST = ("test_bigquery_", "test_template_", "test_dags")
"""Files that take minutes, as they begin: while the first mostly waits, the next compute."""
_ENGINE = "googlesql"
"""The fixture that starts Google's own engine of GoogleSQL."""
_FAULTS = (
    "test_flink_faults", "test_stream_parallel", "test_batch_flink",
    "test_bigquery_stream_sources", "test_stream_pubsub_whole",
)  # fmt: skip
"""Files of `make test-faults`, in this order: they kill servers under load, or take minutes."""
_UNTIL = float(os.environ.get("CHAPTERFLOW_FAULTS_UNTIL", "inf"))
"""When (epoch s) the last of them may begin."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of whole programs as slow, and those that kill a cluster as faults."""
    for item in items:
        is_whole = item.path.name.startswith(_WHOLE_PROGRAMS)
        if is_whole or _ENGINE in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if item.path.name.startswith(_FAULTS):
            item.add_marker(pytest.mark.faults)
    if "PYTEST_XDIST_WORKER" in os.environ:
        _put_long_files_first(items)
    else:
        items.sort(key=lambda item: _rank(item.path.name, _FAULTS))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out those of `make test-faults` for which no time is left."""
    if item.get_closest_marker("faults") and time.time() > _UNTIL:
        pytest.skip("no time is left: make test-faults")


def _put_long_files_first(items: list[pytest.Item]) -> None:
    """Files are handed out in this order: a long one at the end would keep one process only."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (_rank(item.path.name, _LONGEST), item.path not in slow))


def _rank(name: str, begins: tuple[str, ...]) -> int:
    return next((n for n, begin in enumerate(begins) if name.startswith(begin)), len(begins))


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
