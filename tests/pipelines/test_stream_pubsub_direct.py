"""Does the whole program read Pub/Sub on the DirectRunner, where one tries things out?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from tests.pipelines.pubsub_emulator import Emulator, create_topic, publish, subscription_path
from tests.pipelines.whole_runs import OUTCOMES
from tests.pipelines.whole_streams import FINISH_SECONDS, WholeStream
from tests.pipelines.whole_topics import recent_school

pytestmark = pytest.mark.usefixtures("pseudonym_key")
STUDENTS, EVENTS, TAKEN = 20, 120, 5
JUNK = [b"<html></html>", b'{"event_id": "x"}', b"\xff\0"]
PUBLISH_SECONDS = 5


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "pubsub") as started:
        yield started


def _take_without_acknowledging(topic: str, count: int) -> set[str]:
    """Ids of messages that another client got and gives back, so they are delivered again."""
    asked = {"subscription": subscription_path(topic), "max_messages": count}
    with SubscriberClient() as client:
        found = client.pull(request=asked, timeout=30).received_messages
        back = {"ack_ids": [message.ack_id for message in found], "ack_deadline_seconds": 0}
        client.modify_ack_deadline(request={"subscription": asked["subscription"], **back})
    return {message.message.message_id for message in found}


def _wait_for_messages(stream: WholeStream, ids: list[str]) -> None:
    """Until each message is in the raw zone, and the run accounts for all that was delivered."""

    def is_done() -> bool:
        row = stream.row()
        told = sum(row.get(name, 0) for name in OUTCOMES)
        is_kept = {place[-1] for place in stream.kept()} == set(ids)
        return is_kept and len(ids) <= told == row["records_read"]

    stream.wait(is_done, f"{len(ids)} messages kept and accounted for", FINISH_SECONDS)


def test_messages_become_the_rows_of_batch_and_bad_ones_dead_letters(
    tmp_path: Path, emulator: Emulator
) -> None:
    topic = create_topic()
    bodies = [arrival.body for arrival in recent_school(STUDENTS)[1]][:EVENTS]
    ids = publish(topic, [*bodies, *JUNK])
    taken = _take_without_acknowledging(topic, TAKEN)
    options = {
        "pubsub_subscription": subscription_path(topic),
        "runner": "DirectRunner",
        "publish_seconds": PUBLISH_SECONDS,
    }
    with WholeStream(tmp_path / "stream", options) as stream:
        _wait_for_messages(stream.start(), ids)
        ids += publish(topic, bodies[:TAKEN])  # sent once more, as messages of their own
        _wait_for_messages(stream, ids)
        row = stream.row()
        assert row["duplicates"] >= TAKEN
        assert row["dead_letters"] >= len(JUNK)
        assert taken, "nothing was delivered twice"
        assert taken <= {place[-1] for place in stream.kept()}
        other = tmp_path / "batch"
        assert stream.run_batch(other) == 0
        stream.assert_follows(other)
        stream.interrupt()
        assert stream.row()["status"] == "stopped"
