"""How does Pub/Sub feed the DirectRunner, which cannot read other streams?"""

import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.pubsub import PubSubStream
from pipelines.inputs.streams.sources import Element
from transforms.peek_times import peek_event_ms

_MARGIN_SECONDS = 10.0


class ReadPubSubDirectly(beam.PTransform):
    """Read a subscription on the DirectRunner, for trying things out.

    Input: PBegin. Output: the elements of `ReadStream`. Time: of the event, as there; but the
    watermark of an element is the clock minus the out-of-orderness, and that of the stream the
    clock. Errors: messages count as delivered before they are processed; a crash loses them.
    """

    def __init__(self, source: PubSubStream) -> None:
        super().__init__()
        self.source = source

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Wire Beam's own reading."""
        read = ReadFromPubSub(subscription=self.source.subscription, with_attributes=True)
        wrap = beam.ParDo(_WrapMessage(self.source))
        return begin | "ReadMessages" >> read | "WrapMessages" >> wrap.with_output_types(Element)


def ahead_seconds(source: PubSubStream) -> float:
    """How far the stream's watermark, the clock, may be ahead of that of an element."""
    return source.watermark.max_out_of_orderness_seconds + _MARGIN_SECONDS


class _WrapMessage(beam.DoFn):
    def __init__(self, source: PubSubStream) -> None:
        self._topic = source.topic_name
        self._slack_ms = round(source.watermark.max_out_of_orderness_seconds * 1000)

    def process(self, message: PubsubMessage) -> Iterator[Any]:
        now_ms = time.time_ns() // 1_000_000
        published = message.publish_time
        received_ms = now_ms if published is None else round(published.timestamp() * 1000)
        event_ms = peek_event_ms(message.data)
        line = wrap_record(
            received_ms, self._topic, message.data, message_id=message.message_id or ""
        )
        watermark_ms = now_ms - self._slack_ms
        time_ms = max(received_ms if event_ms is None else event_ms, watermark_ms)
        yield TimestampedValue((line, watermark_ms), Timestamp(micros=time_ms * 1000))
