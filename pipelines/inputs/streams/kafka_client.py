"""How does the pipeline talk to a Kafka cluster, and what does it say when it cannot?"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipelines.inputs.opening import InputError
from pipelines.inputs.streams.paces import wait_while
from pipelines.options.secret_manager import is_secret, read_secret

log = logging.getLogger(__name__)
Offsets = dict[str, int]
"""The next offset to read, by partition: `topic:number`."""

REQUEST_SECONDS = 2.0
EARLIEST, LATEST = -2, -1
_OURS = {
    # The checkpoint says where to read; the group's offsets are committed by the reader.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
}
_USUAL = {
    # After its queue was full, librdkafka would else rest for a second.
    "fetch.queue.backoff.ms": 20,
    # What is read ahead: 64 MiB and 100,000 records of each partition unless told, while it lags.
    "queued.max.messages.kbytes": 16 << 10,
    "queued.min.messages": 10_000,
    "socket.keepalive.enable": True,
    "reconnect.backoff.max.ms": 2000,
}
_LOG_AGAIN_SECONDS = 30.0


class Complaints:
    """Errors that librdkafka reports: the latest is kept, and one in 30 s is logged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.latest: KafkaError | None = None
        self._clock, self._logged_at = clock, float("-inf")

    def note(self, error: KafkaError) -> None:
        """Take an error; those of a login or of TLS outlast the lost connections that follow."""
        if self.latest is None or not _is_lasting(self.latest):
            self.latest = error
        if self._clock() - self._logged_at >= _LOG_AGAIN_SECONDS:
            self._logged_at = self._clock()
            log.warning("Kafka: %s; trying again", error.str())


_NO_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})
_OF_LOGIN = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})


def _is_of_tls(error: KafkaError) -> bool:
    # That the broker refuses our certificate comes as a lost connection.
    return error.code() == KafkaError._SSL or "SSL" in error.str()


def _is_lasting(error: KafkaError) -> bool:
    return error.code() in _OF_LOGIN or _is_of_tls(error)


def read_properties(path: str) -> dict[str, str]:
    """`key=value` lines of a file, or of a secret by its name in Secret Manager.

    `#` begins a comment. Raises InputError, or UsageError for the secret.
    """
    try:
        text = read_secret(path) if is_secret(path) else Path(path).read_text("utf-8")
        lines = text.splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read the Kafka options in {path!r}: {error}") from error
    pairs = [line.strip().partition("=") for line in lines if line.strip()[:1] not in ("", "#")]
    for key, equals, _ in pairs:
        if not equals or not key.strip():
            raise InputError(f"{path!r} must hold lines of the form key=value")
    return {key.strip(): value.strip() for key, _, value in pairs}


def open_consumer(
    servers: str, group_id: str, options: Mapping[str, str], complaints: Complaints
) -> Consumer:
    """A consumer that is assigned nothing yet. Raises InputError for options that it refuses."""
    config: dict[str, Any] = {"bootstrap.servers": servers, "group.id": group_id}
    config = {**_USUAL, **config, **options, **_OURS}
    config |= {"error_cb": complaints.note, "on_commit": _note_commit}
    try:
        return Consumer(config, logger=_quiet_log)
    except KafkaException as error:
        raise InputError(f"Kafka options: {error.args[0].str()}") from error


_quiet_log = logging.getLogger(f"{__name__}.librdkafka")
_quiet_log.setLevel(logging.CRITICAL)  # `Complaints` tells the same, once


def _note_commit(error: KafkaError | None, partitions: list[TopicPartition]) -> None:
    if error is not None:
        log.debug("Kafka: the group's offsets were not committed: %s", error.str())


def partition_name(topic: str, partition: int) -> str:
    """What a partition is called in offsets, marks and watermarks."""
    return f"{topic}:{partition}"


def at_offsets(offsets: Offsets) -> list[TopicPartition]:
    """Partitions and offsets as librdkafka wants them."""
    places = [(name.rpartition(":"), offset) for name, offset in offsets.items()]
    return [TopicPartition(topic, int(number), offset) for (topic, _, number), offset in places]


def find_partitions(
    consumer: Consumer, topics: Iterable[str], may_lack_topics: bool = False
) -> list[str]:
    """The names of all partitions of the topics. Raises KafkaException.

    `may_lack_topics`: one that is not there (any more) has none.
    """
    found: list[str] = []
    for topic in topics:
        described = consumer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
        if described.error is None:
            found += [partition_name(topic, number) for number in sorted(described.partitions)]
        elif not (may_lack_topics and described.error.code() in _NO_TOPIC):
            raise KafkaException(described.error)
    return found


def offsets_at(consumer: Consumer, partitions: Iterable[str], moment: int) -> Offsets:
    """Offset of the first message at or after a moment (epoch ms, or EARLIEST or LATEST).

    A partition without such a message has -1; one whose leader does not answer is left out.
    Raises KafkaException.
    """
    asked = at_offsets(dict.fromkeys(partitions, moment))
    found = consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS) if asked else []
    return {partition_name(p.topic, p.partition): p.offset for p in found if p.error is None}


def wait_for_topics(
    open_: Callable[[Complaints], Consumer], topics: tuple[str, ...], timeout_seconds: float
) -> None:
    """Return once every topic can be described; try again until the time is up.

    Raises InputError that names the reason: not reachable, not allowed, no such topic.
    """
    complaints = Complaints()
    consumer = open_(complaints)
    try:
        wait_while(lambda: _reason_against(consumer, topics, complaints), timeout_seconds)
    finally:
        consumer.close()


def _reason_against(
    consumer: Consumer, topics: tuple[str, ...], complaints: Complaints
) -> str | None:
    complaints.latest = None
    for topic in topics:
        try:
            find_partitions(consumer, [topic])
        except KafkaException as failure:
            consumer.poll(0)  # lets librdkafka say what is wrong with the connection
            return _describe(topic, complaints.latest or failure.args[0])
    return None


def _describe(topic: str, error: KafkaError) -> str:
    if error.code() in _OF_LOGIN:
        return f"Kafka refuses the credentials ({error.str()}): check --kafka_options"
    if _is_of_tls(error):
        return f"Kafka has no secure connection ({error.str()}): check ssl.… in --kafka_options"
    if error.code() in _NO_TOPIC:
        return f"Kafka has no topic {topic!r}: create it or check --kafka_topics"
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return f"Kafka does not allow to read topic {topic!r}: check the user's rights"
    return f"Kafka cannot be reached ({error.str()}): check --kafka_bootstrap_servers"
