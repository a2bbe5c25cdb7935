"""How does a simulated school of the last hours send its records to real topics?"""

import datetime
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from benchmarks.simulate import School, simulate
from benchmarks.simulate.options import TOPICS
from benchmarks.simulate.school import Arrival
from pipelines.services import ServiceError
from pipelines.services.jars import job_server_jar, kafka_jars
from pipelines.services.kafka import Kafka
from tests.needs import need

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DISORDER_MS = 10 * MINUTE_MS
OLDEST_MS = 22 * HOUR_MS
"""Within the allowed lateness of a day, however far the watermark has come."""
_LARGEST = 900_000
_PARTITIONS = 3
_SECONDS = 60.0

Place = tuple[str, int, int]


def need_servers() -> None:
    """Go on only if Kafka and Flink can be started here."""
    need(shutil.which("java"), "no java on the PATH")
    need(shutil.which("mvn"), "no mvn on the PATH")
    try:
        kafka_jars()
        job_server_jar()
    except ServiceError as error:
        need(False, str(error))


def now_ms() -> int:
    """The clock."""
    return time.time_ns() // 1_000_000


def recent_school(students: int, seed: int = 7) -> tuple[School, list[Arrival]]:
    """A school of two days, and what it sent within the last hours, in disorder.

    Duplicates, late events and bad records included; all its sessions ended long enough ago.
    """
    yesterday = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)
    school = simulate(
        students=students, days=2, seed=seed, start_date=yesterday, duplicates=0.05, bad=0.01
    )
    first_ms, last_ms, rng = now_ms() - OLDEST_MS, now_ms() - 40 * MINUTE_MS, Random(seed)
    fitting = [
        arrival
        for arrival in school.arrivals
        if first_ms < arrival.occurred_ms <= arrival.received_ms < last_ms
        and len(arrival.body) < _LARGEST
    ]
    return school, sorted(fitting, key=lambda a: a.received_ms + rng.randrange(DISORDER_MS))


@dataclass
class SchoolTopics:
    """The topics of a school on a broker, each under a prefix of its own."""

    kafka: Kafka
    prefix: str

    def __post_init__(self) -> None:
        for name in self.names:
            self.kafka.create_topic(name, _PARTITIONS, log_append_time=False)
        # It waits for a broker that is away as long as a test does, and never sends twice.
        self._producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self._rng = Random(self.prefix)
        self.sent_count = 0

    @property
    def names(self) -> list[str]:
        """Names of the topics."""
        return [self.name(topic) for topic in TOPICS]

    def name(self, topic: str) -> str:
        """Name of one of the school's topics."""
        return f"{self.prefix}-{topic}"

    def send(self, arrivals: Iterable[Arrival]) -> None:
        """Send as fast as the broker takes them, and wait until it has them."""
        for arrival in arrivals:
            self.put(arrival.topic, arrival.body, arrival.received_ms)
        self.flush()

    def put(self, topic: str, body: bytes | None, received_ms: int | None = None) -> None:
        """Send one record without waiting for the broker, to any partition."""
        partition = self._rng.randrange(_PARTITIONS)
        while True:
            try:
                stamp = now_ms() if received_ms is None else received_ms
                self._producer.produce(self.name(topic), body, partition=partition, timestamp=stamp)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent_count += 1
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has everything."""
        assert self._producer.flush(_SECONDS) == 0, "the broker does not take the records"

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record of each partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": "ends", "log_level": 0}
        )
        try:
            return {
                (name, partition): consumer.get_watermark_offsets(
                    TopicPartition(name, partition), timeout=_SECONDS
                )[1]
                for name in self.names
                for partition in range(_PARTITIONS)
            }
        finally:
            consumer.close()

    def count(self) -> int:
        """Records on all topics."""
        return sum(self.ends().values())

    def places(self) -> list[Place]:
        """Of every record on the topics, in order."""
        ends = sorted(self.ends().items())
        return [(*partition, offset) for partition, end in ends for offset in range(end)]

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """What a consumer group has committed, 0 where nothing."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": group, "log_level": 0}
        )
        asked = [TopicPartition(name, n) for name in self.names for n in range(_PARTITIONS)]
        try:
            found = consumer.committed(asked, timeout=_SECONDS)
        finally:
            consumer.close()
        return {(place.topic, place.partition): max(0, place.offset) for place in found}


class SteadySender(threading.Thread):
    """Sends records at `rate` a second, whatever happens to the broker, until it is stopped."""

    def __init__(self, topics: SchoolTopics, arrivals: Iterator[Arrival], rate: float) -> None:
        super().__init__(name="sender", daemon=True)
        self.rate = rate
        self._topics, self._arrivals = topics, arrivals
        self._is_over = threading.Event()

    def run(self) -> None:
        """Send what is due, twenty times a second."""
        due, last = 0.0, time.monotonic()
        while not self._is_over.wait(0.05):
            now = time.monotonic()
            due, last = due + (now - last) * self.rate, now
            while due >= 1 and (arrival := next(self._arrivals, None)) is not None:
                self._topics.put(arrival.topic, arrival.body, arrival.received_ms)
                due -= 1

    def stop(self) -> None:
        """Send no more; the broker has everything."""
        self._is_over.set()
        self.join(_SECONDS)
        self._topics.flush()


@contextmanager
def sending(
    topics: SchoolTopics, arrivals: Iterator[Arrival], rate: float
) -> Iterator[SteadySender]:
    """A steady sender, which ends in any case."""
    sender = SteadySender(topics, arrivals, rate)
    sender.start()
    try:
        yield sender
    finally:
        with suppress(AssertionError, KafkaException):  # The test may have failed for that.
            sender.stop()
