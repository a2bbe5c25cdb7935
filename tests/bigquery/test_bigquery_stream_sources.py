"""Do Kafka and Pub/Sub leave in BigQuery what batch leaves in a folder?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simulate import School
from pipelines import provision
from pipelines.services.kafka import Kafka
from tests.bigquery.emulator import PROJECT
from tests.bigquery.whole_bigquery_streams import BigQueryStream
from tests.pipelines import pubsub_emulator
from tests.pipelines.whole_inbox import two_weeks
from tests.pipelines.whole_runs import read, write_catalogues
from tests.pipelines.whole_streams import from_kafka
from tests.pipelines.whole_topics import SchoolTopics, need_servers, recent_school
from transforms.detect_chapters import TREND_KINDS

_STUDENTS = 30


@pytest.fixture
def address(quiet: object, request: pytest.FixtureRequest) -> str:
    """A warehouse of its own for each test, just provisioned."""
    need_servers()
    address = f"bq://{PROJECT}.{request.node.name}"
    assert provision.main([f"--warehouse={address}"]) == 0
    return address


def _batch_of(
    folder: Path, address: str, source: Mapping[str, Any], school: School, count: int
) -> Path:
    """A folder that batch fills from a stream's raw zone: BigQuery's rows are the same.

    Before the fold and after it.
    """
    known = write_catalogues(school, folder)
    with BigQueryStream(folder / "stream", address, source, **known) as stream:
        stream.start().wait_for_all(count)
        batch = folder / "batch"
        assert stream.run_batch(batch) == 0
        stream.wait_for_rows_of(batch)
        stream.fold()
        assert stream.differences_from(batch) == []
        assert stream.stored("silver.events") == len(read(batch, "silver.events")) > 0
        stream.interrupt()
    return batch


def test_two_weeks_from_kafka(address: str, tmp_path: Path) -> None:
    school, arrivals = two_weeks()
    with Kafka(tmp_path / "kafka") as kafka:
        topics = SchoolTopics(kafka, "cloud")
        topics.send(arrivals)
        batch = _batch_of(tmp_path, address, from_kafka(topics), school, len(arrivals))
    kinds = {row["kind"] for row in read(batch, "gold.anomalies")}
    assert kinds & set(TREND_KINDS), "there are no trends to compare"


def test_hours_from_pubsub(address: str, tmp_path: Path) -> None:
    school, arrivals = recent_school(_STUDENTS)
    with pubsub_emulator.Emulator(tmp_path / "pubsub"):
        topic = pubsub_emulator.create_topic()
        pubsub_emulator.publish(topic, [arrival.body for arrival in arrivals])
        source = {"pubsub_subscription": pubsub_emulator.subscription_path(topic)}
        _batch_of(tmp_path, address, source, school, len(arrivals))
