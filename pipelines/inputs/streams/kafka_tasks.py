"""What must be done for Kafka now and then, besides reading messages?"""

import logging
from collections import deque

from confluent_kafka import Consumer, KafkaException

from pipelines.inputs.streams.kafka_client import (
    EARLIEST,
    LATEST,
    Offsets,
    at_offsets,
    find_partitions,
    offsets_at,
    partition_name,
)
from pipelines.inputs.streams.watermarks import Watermark

log = logging.getLogger(__name__)


class GroupOffsets:
    """Commits the group's offsets, some seconds behind what was read.

    Only for monitoring and for a start without a checkpoint: by then a checkpoint holds what the
    records led to. They stop where the warehouse stopped taking rounds. Best effort.
    """

    def __init__(self, behind_seconds: float) -> None:
        self._behind_seconds = behind_seconds
        self._pending: deque[tuple[float, Offsets]] = deque()

    def remember(self, offsets: Offsets, now: float) -> None:
        """Keep what was read until now, at most once a second."""
        if not self._pending or now - self._pending[-1][0] >= 1.0:
            self._pending.append((now, dict(offsets)))

    def commit(
        self, consumer: Consumer, now: float, round_seconds_ago: float | None = None
    ) -> None:
        """Commit the newest offsets that are old enough, without waiting for the answer.

        `round_seconds_ago`: when the warehouse last took a round (None: that is told elsewhere).
        """
        age = max(self._behind_seconds, round_seconds_ago or 0)
        ripe: Offsets = {}
        while self._pending and now - self._pending[0][0] >= age:
            _, ripe = self._pending.popleft()
        if not ripe:
            return
        try:
            consumer.commit(offsets=at_offsets(ripe), asynchronous=True)
        except KafkaException as error:
            log.debug("Kafka: the group's offsets were not committed: %s", error)


def find_empty(consumer: Consumer, offsets: Offsets, watermark: Watermark, now_ms: int) -> None:
    """Let partitions advance that gave nothing for a while and of which everything was read.

    `offsets`: the next one to hand on. Only the cluster's own answer counts: during an outage
    nothing arrives either. Raises KafkaException.
    """
    quiet = watermark.quiet(now_ms)
    for name, end in offsets_at(consumer, quiet, LATEST).items():
        if 0 <= end <= offsets[name]:
            watermark.found_empty(name, now_ms)


class KnownPartitions:
    """Follows which partitions there are: new ones are read, deleted ones hold up nothing.

    A partition counts as deleted when two looks in a row did not find it: a cluster that has just
    come up may not know all of its topics at first.
    """

    def __init__(self, topics: tuple[str, ...]) -> None:
        self._topics = topics
        self._missing: set[str] = set()

    def follow(
        self, consumer: Consumer, offsets: Offsets, watermark: Watermark, now_ms: int
    ) -> Offsets:
        """Look once. Returns the offsets, of all partitions that there are. Raises KafkaException.

        `offsets`: the next one to hand on. New partitions are read from their beginning.
        """
        found = find_partitions(consumer, self._topics, may_lack_topics=True)
        missing = offsets.keys() - found
        gone = missing & self._missing
        _leave(consumer, gone)
        left = {name: offset for name, offset in offsets.items() if name not in gone}
        watermark.keep_only(left)
        self._missing = missing - gone
        return left | _join(
            consumer, [name for name in found if name not in left], watermark, now_ms
        )


def _leave(consumer: Consumer, gone: set[str]) -> None:
    for name in gone:
        log.warning("Kafka: partition %s was deleted", name)
    read = {partition_name(place.topic, place.partition) for place in consumer.assignment()}
    if left := at_offsets(dict.fromkeys(gone & read, EARLIEST)):
        consumer.incremental_unassign(left)


def _join(consumer: Consumer, new: list[str], watermark: Watermark, now_ms: int) -> Offsets:
    if not new:
        return {}
    found = offsets_at(consumer, new, EARLIEST)
    consumer.incremental_assign(at_offsets(found))
    for name in found:
        log.info("Kafka: partition %s is new", name)
        watermark.add(name, now_ms)
    return found
