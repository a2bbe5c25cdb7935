"""How does the test run end? With pytest's closing line as the last thing said."""

import os
import sys
from collections.abc import Iterator

import pytest

_status = {"code": 0}


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
