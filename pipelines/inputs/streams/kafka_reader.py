"""How are messages of Kafka handed on one by one, with a watermark and a place to resume at?"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message

from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.kafka_client import (
    Complaints,
    Offsets,
    at_offsets,
    find_partitions,
    partition_name,
)
from pipelines.inputs.streams.kafka_start import KafkaMark, NoAnswerError, first_offsets
from pipelines.inputs.streams.kafka_tasks import GroupOffsets, KnownPartitions, find_empty
from pipelines.inputs.streams.paces import Pace
from pipelines.inputs.streams.sources import StreamReader
from pipelines.inputs.streams.watermarks import Watermark
from pipelines.observability.health import HEALTH
from transforms.peek_times import peek_event_ms

if TYPE_CHECKING:
    from pipelines.inputs.streams.kafka import KafkaStream

log = logging.getLogger(__name__)
_LONG_POLL_SECONDS, _SHORT_POLL_SECONDS = 0.5, 0.05
_MOST_MESSAGES = 499


class KafkaReader(StreamReader):
    """Reads all partitions of a `KafkaStream` until it is closed.

    Nothing about the cluster is an error here: what does not work is logged and tried again.
    """

    def __init__(self, source: "KafkaStream", mark: KafkaMark | None) -> None:
        super().__init__(Watermark(source.watermark))
        self._source, self._mark = source, mark or KafkaMark()
        self._complaints = Complaints()
        self._consumer: Consumer | None = None
        self._buffer: deque[Message] = deque()
        self._offsets: Offsets = {}
        self._group = GroupOffsets(2 * source.checkpoint_interval_seconds)
        self._partitions = KnownPartitions(source.topics)
        self._opening = Pace(0.0, 2.0)
        self._emptiness, self._looking = Pace(1.0, 10.0), Pace(10.0, 15.0)
        self._bundle_count = 0
        self._now_ms = 0

    def advance(self) -> bool:
        """Go to the next message; False after half a second without one.

        In a bundle that gave records already it is False sooner, so that they are not held back.
        """
        wait_seconds = _SHORT_POLL_SECONDS if self._bundle_count else _LONG_POLL_SECONDS
        deadline = time.monotonic() + wait_seconds
        while (message := self._pop()) is None:
            wait_seconds = deadline - time.monotonic()
            if wait_seconds <= 0:
                return False
            self._fetch(wait_seconds)
        self._take(message)
        return True

    def get_checkpoint_mark(self) -> KafkaMark:
        """The place after the current message. A bundle ends here."""
        self._bundle_count = 0
        if self._consumer is None:
            return self._mark
        self._group.remember(self._offsets, time.monotonic())
        watermark = self.watermark
        return KafkaMark(watermark.value_ms, dict(watermark.partitions), dict(self._offsets))

    def close(self) -> None:
        """Leave the cluster."""
        if self._consumer is not None:
            self._consumer.close()

    def _pop(self) -> Message | None:
        """The next message of the buffer; what else is there is noted on the way."""
        while self._buffer:
            message = self._buffer.popleft()
            error = message.error()
            if error is None:
                return message
            if error.code() == KafkaError._PARTITION_EOF:
                # Markers of transactions count as offsets, and are never handed on.
                topic, partition, offset = _place(message)
                self._offsets[partition_name(topic, partition)] = offset
            else:
                self._complaints.note(error)
        return None

    def _take(self, message: Message) -> None:
        self._bundle_count += 1
        topic, partition, offset = _place(message)
        name, content = partition_name(topic, partition), message.value() or b""
        self._offsets[name] = offset + 1
        kind, received_ms = message.timestamp()
        if kind == TIMESTAMP_NOT_AVAILABLE or received_ms > self._now_ms:
            # A producer whose clock is ahead would vouch for its own events.
            received_ms = self._now_ms
        event_ms = peek_event_ms(content)
        self.watermark.observe(name, event_ms, received_ms, self._now_ms)
        line = wrap_record(received_ms, topic, content, partition, offset)
        self.give(line, event_ms, received_ms)

    def _fetch(self, wait_seconds: float) -> None:
        """Fill the buffer; waits for the first message only."""
        consumer = self._consumer or self._open()
        if consumer is None:
            time.sleep(wait_seconds)
            return
        first = consumer.poll(wait_seconds)
        if first is not None:
            self._buffer.append(first)
            self._buffer.extend(consumer.consume(_MOST_MESSAGES, 0))
        self._now_ms = _now_ms()
        self._tend(consumer)

    def _open(self) -> Consumer | None:
        """A consumer at its first offsets; None when that does not work yet."""
        if not self._opening.is_due(time.monotonic()):
            return None
        consumer = self._source.open(self._complaints)
        try:
            names = find_partitions(consumer, self._source.topics)
            offsets = first_offsets(consumer, names, self._mark, self._source.start_from)
            consumer.assign(at_offsets(offsets))
        except (KafkaException, NoAnswerError) as error:
            log.warning("%s: %s; trying again", self._source.name, error)
            self._opening.failed(time.monotonic())
            consumer.close()
            return None
        self._consumer, self._offsets = consumer, offsets
        self._begin(names)
        return consumer

    def _begin(self, names: list[str]) -> None:
        now_ms = _now_ms()
        self._mark.restore(self.watermark, now_ms)
        for name in names:
            self.watermark.add(name, now_ms)
        self.watermark.keep_only(names)
        log.info("%s: reading from %s", self._source.name, self._offsets)

    def _tend(self, consumer: Consumer) -> None:
        """What is due besides reading."""
        now = time.monotonic()
        self._group.commit(consumer, now, HEALTH.commit_seconds_ago())
        for pace, task in (
            (self._emptiness, self._find_empty),
            (self._looking, self._follow_partitions),
        ):
            if pace.is_due(now):
                self._attempt(task, consumer, pace)

    def _attempt(self, task: Callable[[Consumer], None], consumer: Consumer, pace: Pace) -> None:
        try:
            task(consumer)
        except KafkaException as error:
            self._complaints.note(error.args[0])
            pace.failed(time.monotonic())

    def _find_empty(self, consumer: Consumer) -> None:
        find_empty(consumer, self._offsets, self.watermark, _now_ms())
        HEALTH.note_source()

    def _follow_partitions(self, consumer: Consumer) -> None:
        known = self._partitions
        self._offsets = known.follow(consumer, self._offsets, self.watermark, _now_ms())


def _place(message: Message) -> tuple[str, int, int]:
    """Topic, partition and offset, which every message that was received has."""
    return message.topic(), message.partition(), message.offset()  # type: ignore[return-value]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
