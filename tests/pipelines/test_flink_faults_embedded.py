"""Is nothing lost or counted twice when the whole program is killed, again and again?"""

import time
from pathlib import Path
from random import Random

import pytest

from pipelines.services.kafka import Kafka
from tests.pipelines.whole_runs import write_catalogues
from tests.pipelines.whole_streams import WholeStream, from_kafka
from tests.pipelines.whole_topics import SchoolTopics, recent_school, sending

pytestmark = pytest.mark.usefixtures("pseudonym_key")
RATE, KILLS = 100.0, 3
OFTEN = {"commit_interval_seconds": 1}
"""So that at each start many checkpoints are under way before the first is complete."""


def test_program_killed_three_times_goes_on_from_its_checkpoints(
    tmp_path: Path, school_kafka: Kafka
) -> None:
    (school, arrivals), topics = recent_school(1500), SchoolTopics(school_kafka, "killed")
    rng, known = Random(), write_catalogues(school, tmp_path)
    with WholeStream(tmp_path / "stream", from_kafka(topics) | OFTEN, **known) as stream:
        with sending(topics, iter(arrivals), RATE):
            for number in range(KILLS):
                at_start = topics.sent_count
                stream.start().wait_for_records(at_start + 1)
                time.sleep(pause := rng.uniform(0, 8))
                stream.kill()
                found = stream.records_read()
                print(f"kill {number}: {pause:.2f} s later, {found} of {topics.sent_count}")
            stream.start()
            seconds = stream.wait_for_records(topics.sent_count)
            print(f"caught up {seconds:.1f} s after the last start")
        assert topics.sent_count < len(arrivals)
        stream.wait_for_all(topics.count())
        assert stream.row()["dropped"] == 0
        stream.assert_as_batch(topics.places())
        stream.interrupt()
