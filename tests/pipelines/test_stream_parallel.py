"""Does a stream on several slots of a cluster give what batch gives, though a worker dies?"""

from pathlib import Path

import pytest

from pipelines.services.cluster import FlinkCluster
from pipelines.services.kafka import Kafka
from tests.pipelines.whole_runs import write_catalogues
from tests.pipelines.whole_streams import OFTEN, WholeStream, from_kafka
from tests.pipelines.whole_topics import SchoolTopics, recent_school

pytestmark = pytest.mark.usefixtures("pseudonym_key")
SLOTS = 2
CHECKPOINT_MS = 1000 * int(OFTEN["commit_interval_seconds"])


def test_stream_on_two_slots_gives_what_batch_gives(tmp_path: Path, school_kafka: Kafka) -> None:
    school, arrivals = recent_school(100)
    topics = SchoolTopics(school_kafka, "parallel")
    half = len(arrivals) // 2
    topics.send(arrivals[:half])
    known = write_catalogues(school, tmp_path)
    with (
        FlinkCluster(tmp_path / "flink") as cluster,
        WholeStream(tmp_path / "stream", from_kafka(topics), **known) as stream,
    ):
        flags = cluster.submit_options(checkpoint_ms=CHECKPOINT_MS, parallelism=SLOTS)
        stream.start(*flags).wait_for_records(half)
        topics.send(arrivals[half:])
        assert cluster.kill_worker()
        count = topics.count()
        stream.wait_for_all(count)
        stream.assert_as_batch(topics.places())
