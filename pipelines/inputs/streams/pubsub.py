"""Which records does a Pub/Sub subscription deliver?"""

import time
from dataclasses import dataclass, field
from typing import Any

from google.cloud.pubsub_v1.subscriber.message import Message

from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.marks import StreamMark
from pipelines.inputs.streams.paces import Pace
from pipelines.inputs.streams.pubsub_client import subscription_of, wait_for_subscription
from pipelines.inputs.streams.sources import StreamReader, StreamSource
from pipelines.inputs.streams.watermarks import Watermark, WatermarkOptions
from transforms.peek_times import peek_event_ms

_LONG_POLL_SECONDS, _SHORT_POLL_SECONDS = 0.5, 0.05


@dataclass
class PubSubMark(StreamMark):
    """The watermark, and the number by which this process acknowledges the messages before it.

    It is no place: Pub/Sub itself knows what was acknowledged and sends the rest again.
    """

    subscription: str = ""
    number: int = 0

    def finalize_checkpoint(self) -> None:
        """Acknowledge: what the messages led to is durable."""
        subscription_of(self.subscription).acknowledge(self.number)


@dataclass(frozen=True)
class PubSubStream(StreamSource):
    """A subscription (`projects/PROJECT/subscriptions/NAME`), in any order, some messages twice.

    `topic`: the name that the records' envelopes give; by default that of the subscription.
    Received at: the time of publishing. PUBSUB_EMULATOR_HOST leads to an emulator.
    """

    must_acknowledge = True
    mark = PubSubMark

    subscription: str
    topic: str = ""
    watermark: WatermarkOptions = field(default_factory=WatermarkOptions)
    start_timeout_seconds: float = 30.0

    @property
    def name(self) -> str:
        """The subscription."""
        return f"Pub/Sub {self.subscription}"

    @property
    def topic_name(self) -> str:
        """The topic of the records."""
        return self.topic or self.subscription.rpartition("/")[2]

    def check(self) -> None:
        """Wait until it can be read. Raises InputError after `start_timeout_seconds`."""
        wait_for_subscription(self.subscription, self.start_timeout_seconds)

    def create_reader(self, options: Any, checkpoint_mark: Any) -> "PubSubReader":
        """A reader; the mark tells how far the watermark was."""
        return PubSubReader(self, checkpoint_mark)


class PubSubReader(StreamReader):
    """Reads messages, of the stream that all readers of the process share.

    Beam makes a new reader for every bundle until a checkpoint is durable.
    """

    def __init__(self, source: PubSubStream, mark: PubSubMark | None) -> None:
        super().__init__(Watermark(source.watermark))
        self._source = source
        self._subscription = subscription_of(source.subscription)
        (mark or PubSubMark()).restore(self.watermark, self._subscription.active_ms)
        self.watermark.add(source.subscription, self._subscription.active_ms)
        self._given: list[Message] = []
        self._asking = Pace(1.0)

    def advance(self) -> bool:
        """Go to the next message; False after half a second without one, or sooner in a bundle."""
        message = self._subscription.take(
            _SHORT_POLL_SECONDS if self._given else _LONG_POLL_SECONDS
        )
        if message is None:
            self._follow_clock()
            return False
        self._given.append(message)
        self._take(message)
        return True

    def get_checkpoint_mark(self) -> PubSubMark:
        """A bundle ends here: its messages wait for the checkpoint."""
        number = self._subscription.hold(self._given) if self._given else 0
        self._given = []
        known = dict(self.watermark.partitions)
        return PubSubMark(self.watermark.value_ms, known, self._source.subscription, number)

    def close(self) -> None:
        """Give back what no checkpoint will hold."""
        for message in self._given:
            message.nack()
        self._given = []

    def _take(self, message: Message) -> None:
        received_ms = round(message.publish_time.timestamp() * 1000)
        event_ms = peek_event_ms(message.data)
        source = self._source
        self.watermark.observe(source.subscription, event_ms, received_ms, _now_ms())
        line = wrap_record(
            received_ms, source.topic_name, message.data, message_id=message.message_id
        )
        self.give(line, event_ms, received_ms)

    def _follow_clock(self) -> None:
        asked_ms = _now_ms()
        is_quiet = bool(self.watermark.quiet(asked_ms))
        if is_quiet and self._asking.is_due(asked_ms / 1000) and self._subscription.is_empty():
            self.watermark.found_empty(self._source.subscription, asked_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
