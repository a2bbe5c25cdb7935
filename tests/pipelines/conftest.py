"""What do the tests of whole programs share?"""

from collections.abc import Iterator

import pytest

from pipelines.services.kafka import Kafka
from tests.compare_rows import DEFAULT_KEY
from tests.pipelines.whole_topics import need_servers

pytest.register_assert_rewrite("tests.pipelines.whole_runs")


@pytest.fixture(scope="module")
def pseudonym_key() -> Iterator[str]:
    """The key of the pseudonyms, set in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
        yield DEFAULT_KEY


@pytest.fixture(scope="module")
def school_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for streams that run as whole programs; tests have topics of their own."""
    need_servers()
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker
