"""At which offsets does reading begin?"""

import logging
from dataclasses import dataclass, field

from confluent_kafka import Consumer

from pipelines.inputs.streams.kafka_client import (
    EARLIEST,
    LATEST,
    REQUEST_SECONDS,
    Offsets,
    at_offsets,
    offsets_at,
    partition_name,
)
from pipelines.inputs.streams.marks import StreamMark
from transforms.read_times import read_time

log = logging.getLogger(__name__)
_MOMENTS = {"earliest": EARLIEST, "latest": LATEST}


@dataclass
class KafkaMark(StreamMark):
    """Where reading goes on: the next offset by `topic:partition`; empty before the first start."""

    offsets: dict[str, int] = field(default_factory=dict)


def is_start(start_from: str) -> bool:
    """Whether `first_offsets` understands the word or time."""
    return start_from in ("committed", *_MOMENTS) or read_time(start_from) is not None


def first_offsets(
    consumer: Consumer, partitions: list[str], mark: KafkaMark, start_from: str
) -> Offsets:
    """The offset to begin at, for each partition.

    The mark is the truth. Partitions that it does not know are newer than it: from their beginning;
    so are those whose offset was deleted, or is of an earlier topic of the same name.
    Without a mark `start_from` decides. Raises KafkaException when the cluster does not answer.
    """
    if mark.offsets:
        known = {name: mark.offsets.get(name, -1) for name in partitions}
    elif start_from == "committed":
        known = _committed(consumer, partitions)
    else:
        known = _at(consumer, partitions, start_from)
    firsts = _complete(consumer, partitions, EARLIEST)
    ends = _complete(consumer, partitions, LATEST)
    for name, offset in known.items():
        if offset >= 0 and not firsts[name] <= offset <= ends[name]:
            log.warning("Kafka: partition %s has no offset %d any more", name, offset)
    return {
        name: offset if firsts[name] <= offset <= ends[name] else firsts[name]
        for name, offset in known.items()
    }


def _committed(consumer: Consumer, partitions: list[str]) -> Offsets:
    asked = at_offsets(dict.fromkeys(partitions, -1))
    found = consumer.committed(asked, timeout=REQUEST_SECONDS)
    failed = next((p.error for p in found if p.error is not None), None)
    if failed is not None:
        raise NoAnswerError(failed.str())
    return {partition_name(p.topic, p.partition): p.offset for p in found}


def _at(consumer: Consumer, partitions: list[str], start_from: str) -> Offsets:
    """Where a moment begins; at the end of partitions whose messages are all older."""
    moment = _MOMENTS.get(start_from, read_time(start_from))
    assert moment is not None  # `is_start` was asked before
    ends = _complete(consumer, partitions, LATEST)
    found = _complete(consumer, partitions, moment)
    return {name: ends[name] if offset < 0 else offset for name, offset in found.items()}


def _complete(consumer: Consumer, partitions: list[str], moment: int) -> Offsets:
    found = offsets_at(consumer, partitions, moment)
    if len(found) < len(partitions):
        raise NoAnswerError("not every partition has a leader that answers")
    return found


class NoAnswerError(Exception):
    """The cluster does not tell the offsets of every partition at the moment."""
