"""The reference engine as a fixture: `from tests.googlesql.fixture import googlesql`."""

import shutil
from collections.abc import Iterator

import pytest

from tests.googlesql.engine import Engine
from tests.needs import need


@pytest.fixture(scope="session")
def googlesql() -> Iterator[Engine]:
    """One engine for all tests of a run."""
    need(shutil.which("java"), "no java on the PATH")
    need(shutil.which("mvn"), "no mvn on the PATH")
    with Engine() as engine:
        yield engine
