"""Which records do the topics of a Kafka cluster hold, from where we left off?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer

from pipelines.inputs.opening import InputError
from pipelines.inputs.streams.kafka_client import (
    Complaints,
    open_consumer,
    read_properties,
    wait_for_topics,
)
from pipelines.inputs.streams.kafka_reader import KafkaReader
from pipelines.inputs.streams.kafka_start import KafkaMark, is_start
from pipelines.inputs.streams.sources import StreamSource
from pipelines.inputs.streams.watermarks import WatermarkOptions


@dataclass(frozen=True)
class KafkaStream(StreamSource):
    """All partitions of some topics, as one consumer that assigns them to itself.

    `start_from` counts where there is no checkpoint: committed, earliest, latest or an ISO time.
    `options`: those of librdkafka; secrets belong into `options_file` (`key=value` lines), which
    every worker reads for itself, so that they are in no job graph, checkpoint or log.
    `checkpoint_interval_seconds`: the group's committed offsets follow two of them behind.
    Received at: the time of the message, but never later than the clock that reads it says.
    """

    mark = KafkaMark

    bootstrap_servers: str
    topics: tuple[str, ...]
    group_id: str = "chapterflow"
    start_from: str = "committed"
    watermark: WatermarkOptions = field(default_factory=WatermarkOptions)
    options: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    options_file: str | None = None
    start_timeout_seconds: float = 30.0
    checkpoint_interval_seconds: float = 5.0

    @property
    def name(self) -> str:
        """Topics and servers."""
        return f"Kafka {', '.join(self.topics)} at {self.bootstrap_servers}"

    def check(self) -> None:
        """Wait until all topics can be read. Raises InputError after `start_timeout_seconds`."""
        if not is_start(self.start_from):
            raise InputError(
                f"Kafka cannot start from {self.start_from!r}: "
                "give committed, earliest, latest or a time such as 2026-03-01T10:15:00Z"
            )
        wait_for_topics(self.open, self.topics, self.start_timeout_seconds)

    def open(self, complaints: Complaints) -> Consumer:
        """A consumer with all options. Raises InputError for options that are refused."""
        secrets = read_properties(self.options_file) if self.options_file else {}
        options = {**self.options, **secrets}
        return open_consumer(self.bootstrap_servers, self.group_id, options, complaints)

    def create_reader(self, options: Any, checkpoint_mark: Any) -> KafkaReader:
        """A reader that begins after the mark."""
        return KafkaReader(self, checkpoint_mark)
