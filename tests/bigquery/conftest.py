"""One emulator for all tests of a run; each file of tests has a proxy before it."""

from collections.abc import Iterator

import pytest

from pipelines import provision
from tests.bigquery.emulator import PROJECT, Emulator, find_python
from tests.bigquery.proxy import Proxy
from tests.compare_rows import DEFAULT_KEY
from tests.needs import need

pytest.register_assert_rewrite("tests.pipelines.whole_runs")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A BigQuery without any dataset of the product."""
    need(find_python(), "no Python 3.13 for the BigQuery emulator")
    with Emulator(tmp_path_factory.mktemp("bigquery")) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(emulator: Emulator) -> Iterator[Proxy]:
    """What stands before the emulator; the environment says that BigQuery is there."""
    with Proxy(emulator.address).running() as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", proxy.address)
        patch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", emulator.grpc_address)
        patch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
        yield proxy


@pytest.fixture
def quiet(proxy: Proxy) -> Iterator[Proxy]:
    """The proxy, which refuses nothing before and after the test."""
    proxy.requests.clear()
    yield proxy
    proxy.rule = lambda request: None


@pytest.fixture(scope="module")
def warehouse(proxy: Proxy, request: pytest.FixtureRequest) -> str:
    """A warehouse of its own for a file of tests, just provisioned."""
    address = f"bq://{PROJECT}.{request.module.__name__.rpartition('.')[2]}"
    assert provision.main([f"--warehouse={address}"]) == 0
    return address
