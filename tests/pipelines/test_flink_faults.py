"""Is nothing lost or counted twice when every part of a running stream dies in turn?"""

import datetime
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.live.keys import LiveKeys
from pipelines.outputs.live_store import open_client
from pipelines.services.cluster import FlinkCluster
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from tests.pipelines.killing import kill
from tests.pipelines.poison import poison
from tests.pipelines.whole_runs import read, write_catalogues
from tests.pipelines.whole_streams import OFTEN, WholeStream, from_kafka
from tests.pipelines.whole_topics import (
    HOUR_MS,
    SchoolTopics,
    SteadySender,
    need_servers,
    now_ms,
    recent_school,
    sending,
)

pytestmark = pytest.mark.usefixtures("pseudonym_key")
RATE, BURST = 200.0, 10
AWAY_SECONDS, BURST_SECONDS = 5.0, 60.0
STUDENTS = 10_000
AHEAD = 50
CHECKPOINT_MS = 1000 * int(OFTEN["commit_interval_seconds"])


class _Trial:
    """A stream on a cluster, and everything that can die."""

    def __init__(self, folder: Path, topics: SchoolTopics, redis: Redis, **known: Path) -> None:
        self.topics, self.redis = topics, redis
        self.cluster = FlinkCluster(folder / "flink")
        options = from_kafka(topics) | {"live_store": redis.url}
        self.stream = WholeStream(folder / "stream", options, **known)
        self._begun = time.monotonic()

    def submit(self, checkpoint: Path | None = None) -> None:
        """Start the stream on the cluster."""
        self.stream.is_detached = False
        self.stream.start(*self.cluster.submit_options(checkpoint, CHECKPOINT_MS))

    def recover(self, what: str) -> None:
        """Wait until what is sent from now on is accounted for, too; say how long it took.

        The row of the run follows one or two checkpoints behind in any case.
        """
        count = self.topics.sent_count + 1
        seconds = self.stream.wait_for_records(count)
        at = time.monotonic() - self._begun
        print(f"{at:6.1f} s: {what}: {count:,} records {seconds:.1f} s later", flush=True)

    def kill_worker(self) -> None:
        """The pool starts another one."""
        assert self.cluster.kill_worker()

    def kill_task_manager(self) -> None:
        """Another one takes its place."""
        self.cluster.kill_task_manager()
        self.cluster.start_task_manager()

    def kill_broker(self) -> None:
        """It comes back some seconds later."""
        self.topics.kafka.kill()
        time.sleep(AWAY_SECONDS)
        self.topics.kafka.start()

    def kill_submitter(self) -> None:
        """The stream goes on without it."""
        self.stream.is_detached = True
        kill(self.stream.process)

    def kill_everything(self) -> None:
        """The cluster, and the program that submitted; it goes on from the last checkpoint.

        As the same run: it counts on from where it was.
        """
        (job,) = self.cluster.jobs()
        before = self.stream.row()
        kill(self.stream.process)
        self.cluster.kill()
        self.cluster.start()
        checkpoint = self.cluster.latest_checkpoint(job)
        assert checkpoint is not None
        self.submit(checkpoint)
        self.stream.wait_for_records(self.topics.sent_count + 1)
        (after,) = self.stream.rows()
        names = ("run_id", "started_at", "checkpoint_options")
        assert [after[name] for name in names] == [before[name] for name in names]

    def send_poison(self) -> None:
        """Records that no program likes, and those of a clock one hour ahead."""
        at = datetime.datetime.now(datetime.UTC).isoformat()
        for record in poison(at):
            self.topics.put("clickstream", record)
        for number in range(AHEAD):
            self.topics.put("video", _from_ahead(number), now_ms())
            # The producer stamps its messages with the same clock.
            self.topics.put("quiz", _from_ahead(number + AHEAD), now_ms() + HOUR_MS)

    def burst_without_live_store(self, sender: SteadySender) -> None:
        """Ten times the records for a minute, in which Redis is away."""
        self.redis.kill()
        sender.rate = RATE * BURST
        time.sleep(BURST_SECONDS)
        sender.rate = RATE
        self.redis.start()


def _from_ahead(number: int) -> bytes:
    event = {
        "event_id": f"ahead-{number}", "student_id": "stu_1001", "event_type": "page_view",
        "timestamp": now_ms() + HOUR_MS, "page_url": "/course/c/chapter/1",
    }  # fmt: skip
    return json.dumps(event).encode()


@contextmanager
def _trial(folder: Path) -> Iterator[tuple[_Trial, Iterator]]:
    need_servers()
    school, arrivals = recent_school(STUDENTS)
    known = write_catalogues(school, folder)
    with Kafka(folder / "kafka") as kafka, Redis(folder / "redis") as redis:
        trial = _Trial(folder, SchoolTopics(kafka, "faults"), redis, **known)
        with trial.cluster, trial.stream:
            yield trial, iter(arrivals)


def test_every_part_dies_in_turn_and_everything_is_there_once(tmp_path: Path) -> None:
    with _trial(tmp_path) as (trial, arrivals):
        with sending(trial.topics, arrivals, RATE) as sender:
            faults: dict[str, Callable[[], object]] = {
                "start": trial.submit,
                "poison and a clock ahead": trial.send_poison,
                "worker killed": trial.kill_worker,
                "task manager killed": trial.kill_task_manager,
                "broker killed": trial.kill_broker,
                "burst without live store": lambda: trial.burst_without_live_store(sender),
                "submitter killed": trial.kill_submitter,
                "everything killed": trial.kill_everything,
            }
            for what, fault in faults.items():
                fault()
                trial.recover(what)
        assert next(arrivals, None) is not None, "nothing was sent at the end"
        _assert_complete(trial)


def _assert_complete(trial: _Trial) -> None:
    stream = trial.stream
    stream.wait_for_all(trial.topics.count())
    assert stream.row()["dropped"] == 0
    letters = read(stream.warehouse, "ops.dead_letters")
    ahead = [letter for letter in letters if letter["reason"] == "in_the_future"]
    assert len(ahead) >= 2 * AHEAD
    stream.assert_as_batch(trial.topics.places())
    with open_client(trial.redis.url) as client:
        assert client.zcard(LiveKeys().last) > 0
