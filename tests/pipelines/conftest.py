"""What do the tests of whole programs share?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pipelines.outputs.live_store import open_client
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from tests.compare_rows import DEFAULT_KEY
from tests.pipelines import small_lake
from tests.pipelines.whole_topics import need_servers

pytest.register_assert_rewrite("tests.pipelines.whole_runs")


@pytest.fixture(scope="module")
def pseudonym_key() -> Iterator[str]:
    """The key of the pseudonyms, set in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
        yield DEFAULT_KEY


@pytest.fixture(scope="session")
def small_school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of `small_lake.school`, to be read or copied only."""
    return small_lake.school(tmp_path_factory.mktemp("small_school"))


@pytest.fixture(scope="module")
def school_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for streams that run as whole programs; tests have topics of their own."""
    need_servers()
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server for live stores."""
    with Redis(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def client(server: Redis) -> redis.Redis:
    """A connection to that server, which is empty."""
    connected = open_client(server.url)
    connected.flushall()
    return connected
