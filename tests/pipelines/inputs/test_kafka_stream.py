"""Does reading Kafka lose nothing, repeat nothing, and tell an honest watermark?"""

import datetime
import itertools
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from pipelines.inputs import InputError
from pipelines.inputs.streams import WatermarkOptions
from pipelines.inputs.streams.kafka import KafkaStream
from pipelines.inputs.streams.watermarks import NO_WATERMARK_MS
from pipelines.observability.health import Health
from pipelines.services import ServiceError
from pipelines.services.kafka import Kafka
from pipelines.services.server import free_ports
from tests.needs import need
from tests.pipelines.inputs.read_streams import Stream
from tests.pipelines.login_broker import PASSWORD, ask_for_login, login
from tests.pipelines.tls_broker import ask_for_tls, make_certificates

PATIENT = WatermarkOptions(60, 300, None)
HASTY = WatermarkOptions(60, 300, 0.5)
_names = (f"events-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    need(shutil.which("java"), "no java on the PATH")
    need(shutil.which("mvn"), "no mvn on the PATH")
    try:
        broker = Kafka(tmp_path_factory.mktemp("kafka")).start()
    except ServiceError as error:
        need(False, str(error))
        raise
    try:
        yield broker
    finally:
        broker.stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def event(at_ms: int, name: object = 0) -> bytes:
    return b'{"timestamp":%d,"name":"%s"}' % (at_ms, str(name).encode())


def send(kafka: Kafka, topic: str, records: Sequence[tuple[int, bytes]], **more: Any) -> None:
    """Records and their partitions."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5})
    for partition, record in records:
        producer.produce(topic, record, partition=partition, **more)
    assert producer.flush(20) == 0


def make_topic(kafka: Kafka, partitions: int = 2, log_append_time: bool = True) -> str:
    topic = next(_names)
    kafka.create_topic(topic, partitions, log_append_time)
    return topic


def stream(kafka: Kafka, *topics: str, **options: Any) -> KafkaStream:
    options = {"group_id": topics[0], "watermark": PATIENT} | options
    return KafkaStream(kafka.bootstrap_servers, topics, **options)


def test_every_record_of_all_topics_and_partitions_comes_once_as_received(kafka: Kafka) -> None:
    first, second = make_topic(kafka), make_topic(kafka, 1)
    before_ms = now_ms()
    contents = [b"{}", b'{"a":"\xc3\xa9\\n"}', b" x\r\n", b""]
    send(kafka, first, [(i % 2, content) for i, content in enumerate(contents)])
    send(kafka, second, [(0, b"\xff\0"), (0, None)])
    with Stream(stream(kafka, first, second)) as found:
        found.read(6)
        found.read_until_quiet()
    places = {(line["topic"], line["partition"], line["offset"]): line for line in found.lines}
    assert len(found.lines) == len(places) == 6
    texts = [places[first, i % 2, i // 2]["record"] for i in range(4)]
    assert texts == [content.decode() for content in contents]
    assert places[second, 0, 0]["record_base64"] == "/wA="
    assert places[second, 0, 1]["record"] == ""
    for line in found.lines:
        received = datetime.datetime.fromisoformat(line["received_at"]).timestamp() * 1000
        assert before_ms - 1000 <= received <= now_ms()


def test_resuming_from_any_mark_loses_and_repeats_nothing(kafka: Kafka) -> None:
    topic = make_topic(kafka, 3)
    sent = [(i % 3, event(now_ms() - 7 * i, i)) for i in range(1000)]
    send(kafka, topic, sent)
    for cut in (1, 499, 500, 700, 1000):
        with Stream(stream(kafka, topic)) as first:
            mark = first.read(cut).cut()
        with Stream(stream(kafka, topic, start_from="latest"), mark) as second:
            second.read_until_quiet()
            assert second.watermark_ms >= mark.watermark_ms
        found = sorted(first.records + second.records)
        assert found == sorted(record.decode() for _, record in sent)


def test_marks_within_a_run_are_places_too(kafka: Kafka) -> None:
    topic = make_topic(kafka, 2)
    send(kafka, topic, [(i % 2, event(i, i)) for i in range(50)])
    with Stream(stream(kafka, topic)) as run:
        marks = [(run.read(count).cut(), count) for count in range(10, 51, 10)]
    for mark, count in marks:
        with Stream(stream(kafka, topic), mark) as again:
            again.read_until_quiet()
        assert sorted(run.records[:count] + again.records) == sorted(run.records)


def test_the_watermark_is_the_least_of_partitions_in_disorder(kafka: Kafka) -> None:
    topic, base_ms = make_topic(kafka), now_ms() - 1_000_000
    ahead = [(0, event(base_ms + at)) for at in (50_000, 0, 90_000, 20_000)]
    behind = [(1, event(base_ms + at)) for at in (10_000, 30_000)]
    send(kafka, topic, ahead + behind)
    with Stream(stream(kafka, topic)) as found:
        found.read(6)
        assert found.watermark_ms == base_ms + 30_000 - 60_000
    assert found.watermarks == sorted(found.watermarks)
    assert all(a >= b for a, b in zip(found.times, found.watermarks))


def test_a_producer_whose_clock_is_ahead_vouches_for_nothing(kafka: Kafka) -> None:
    topic, ahead_ms = make_topic(kafka, 1, log_append_time=False), now_ms() + 3_600_000
    send(kafka, topic, [(0, event(now_ms()))])
    send(kafka, topic, [(0, event(ahead_ms))], timestamp=ahead_ms)
    with Stream(stream(kafka, topic)) as found:
        found.read(2)
        assert found.watermark_ms <= now_ms()
    received = datetime.datetime.fromisoformat(found.lines[1]["received_at"])
    assert received.timestamp() * 1000 <= now_ms()


def test_records_are_not_held_back_by_a_bundle_that_waits(kafka: Kafka) -> None:
    topic = make_topic(kafka, 1)
    send(kafka, topic, [(0, b"{}")])
    with Stream(stream(kafka, topic)) as found:
        found.read(1)
        begun = time.monotonic()
        assert not found.step()
        assert 0.03 < time.monotonic() - begun < 0.3
        found.cut()
        begun = time.monotonic()
        assert not found.step()
        assert 0.4 < time.monotonic() - begun < 2


def test_idle_partitions_follow_the_clock(kafka: Kafka) -> None:
    topic = make_topic(kafka)
    begun_ms = now_ms()
    with Stream(stream(kafka, topic, watermark=HASTY)) as found:
        found.wait_for(lambda: found.watermark_ms > begun_ms - 60_000)
        assert found.watermark_ms <= now_ms() - 60_000
        send(kafka, topic, [(0, event(now_ms()))])
        found.read(1)
        before_ms = found.watermark_ms
        found.wait_for(lambda: found.watermark_ms > before_ms)


def test_markers_of_transactions_do_not_keep_a_partition_from_being_idle(kafka: Kafka) -> None:
    topic = make_topic(kafka, 1)
    config = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic}
    producer = Producer(config)
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, event(1))
    producer.commit_transaction(20)
    with Stream(stream(kafka, topic, watermark=HASTY)) as found:
        found.read(1)
        begun_ms = now_ms()
        found.wait_for(lambda: found.watermark_ms > begun_ms - 60_000)


def test_partitions_without_idle_time_hold_the_watermark(kafka: Kafka) -> None:
    topic = make_topic(kafka)
    send(kafka, topic, [(0, event(now_ms()))])
    with Stream(stream(kafka, topic)) as found:
        found.read(1).read_until_quiet()
        assert found.watermark_ms == NO_WATERMARK_MS


def test_a_broker_that_goes_and_comes_back_loses_nothing(tmp_path: Path, kafka: Kafka) -> None:
    with Kafka(tmp_path) as broker:
        topic = make_topic(broker)
        send(broker, topic, [(i % 2, event(now_ms(), i)) for i in range(100)])
        with Stream(stream(broker, topic, watermark=HASTY)) as found:
            found.read(100)
            broker.kill()
            time.sleep(0.2)
            found.cut()
            stopped_ms = now_ms()
            while now_ms() < stopped_ms + 3000:
                found.step()
                found.cut()
            # An outage is no silence of the partitions: their records are still to come.
            assert found.watermark_ms <= stopped_ms - 60_000
            broker.start()
            late = [(i % 2, event(stopped_ms, i)) for i in range(100, 200)]
            send(broker, topic, late)
            found.read(200)
            found.read_until_quiet()
    assert len(set(found.records)) == len(found.records) == 200
    # The events of the outage are in time.
    assert max(found.watermarks[100:]) <= stopped_ms + 300_000
    assert min(found.times[100:]) == stopped_ms


def test_a_reader_that_starts_during_an_outage_waits_for_its_end(tmp_path: Path, kafka) -> None:
    with Kafka(tmp_path) as broker:
        topic = make_topic(broker)
        send(broker, topic, [(0, b"1"), (1, b"2")])
        with Stream(stream(broker, topic)) as first:
            mark = first.read(1).cut()
        broker.kill()
        with Stream(stream(broker, topic), mark) as second:
            assert not second.step()
            assert second.cut() == mark
            broker.start()
            second.read(1)
        assert sorted(first.records + second.records) == ["1", "2"]


def test_a_new_partition_is_read_from_its_beginning(kafka: Kafka) -> None:
    topic = make_topic(kafka, 1)
    send(kafka, topic, [(0, event(now_ms()))])
    with Stream(stream(kafka, topic, start_from="earliest")) as found:
        mark = found.read(1).cut()
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result(20)
        time.sleep(1)
        send(kafka, topic, [(1, b"new")])
        before_ms = found.watermark_ms
        found.read(2)
        assert found.watermark_ms == before_ms
        assert found.cut().offsets == {f"{topic}:0": 1, f"{topic}:1": 1}
    # The same for one that appeared while nobody was reading.
    with Stream(stream(kafka, topic, start_from="latest"), mark) as again:
        again.read(1)
    assert again.records == ["new"]


def test_a_topic_that_is_deleted_no_longer_holds_the_watermark(kafka: Kafka) -> None:
    kept, deleted = make_topic(kafka, 1), make_topic(kafka, 2)
    first_ms = now_ms()
    send(kafka, kept, [(0, event(first_ms))])
    send(kafka, deleted, [(0, event(first_ms))])  # the other partition has none at all
    with Stream(stream(kafka, kept, deleted)) as found:
        found.read(2)
        assert found.watermark_ms == NO_WATERMARK_MS
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        admin.delete_topics([deleted])[deleted].result(20)
        found.wait_for(lambda: found.watermark_ms == first_ms - 60_000, 90)
        assert found.cut().offsets == {f"{kept}:0": 1}
        # What is left goes on, and so does a topic of the same name that is made later.
        kafka.create_topic(deleted, 1)
        send(kafka, deleted, [(0, b"new")])
        send(kafka, kept, [(0, b"more")])
        found.read(4, 90)
        assert sorted(found.records[2:]) == ["more", "new"]
        assert found.cut().offsets == {f"{kept}:0": 2, f"{deleted}:0": 1}


def test_a_mark_whose_messages_are_gone_goes_on_with_the_first_that_are_left(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    topic = make_topic(kafka, 1)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    send(kafka, topic, [(0, b"%d" % n) for n in range(10)])
    with Stream(stream(kafka, topic)) as found:
        early = found.read(2).cut()
        late = found.read(10).cut()
    for future in admin.delete_records([TopicPartition(topic, 0, 5)]).values():
        future.result(20)
    with Stream(stream(kafka, topic), early) as again:
        assert again.read_until_quiet().records == ["5", "6", "7", "8", "9"]
    assert "no offset 2 any more" in caplog.text
    admin.delete_topics([topic])[topic].result(20)
    time.sleep(1)
    kafka.create_topic(topic, 1)
    send(kafka, topic, [(0, b"new")])
    with Stream(stream(kafka, topic), late) as anew:
        assert anew.read(1).records == ["new"]
        assert anew.cut().offsets == {f"{topic}:0": 1}


def test_it_starts_where_it_is_told(kafka: Kafka) -> None:
    topic = make_topic(kafka)
    send(kafka, topic, [(0, b"old"), (1, b"old")])
    time.sleep(0.05)
    moment = datetime.datetime.now(datetime.UTC).isoformat()
    time.sleep(0.05)
    send(kafka, topic, [(0, b"young")])
    for start_from, expected in (
        ("earliest", ["old", "old", "young"]),
        ("committed", ["old", "old", "young"]),  # nothing is
        (moment, ["young"]),
        ("2999-01-01T00:00:00Z", []),
        ("latest", []),
    ):
        with Stream(stream(kafka, topic, start_from=start_from)) as found:
            found.read_until_quiet()
            mark = found.cut()
        assert sorted(found.records) == expected, start_from
        assert mark.offsets == {f"{topic}:0": 2, f"{topic}:1": 1}


def test_what_comes_right_after_a_start_at_the_end_is_read(kafka: Kafka) -> None:
    topic = make_topic(kafka)
    with Stream(stream(kafka, topic, start_from="latest")) as found:
        # On a busy machine the broker may need more than a step until it says where the ends are.
        found.wait_for(lambda: found.cut().offsets)
        mark = found.cut()
        assert mark.offsets == {f"{topic}:0": 0, f"{topic}:1": 0}
    send(kafka, topic, [(1, b"next")])
    with Stream(stream(kafka, topic, start_from="latest"), mark) as again:
        assert again.read(1).records == ["next"]


def committed(kafka: Kafka, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic})
    try:
        return consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset
    finally:
        consumer.close()


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Health:
    """Of a process in which nothing was committed yet."""
    fresh = Health()
    monkeypatch.setattr("pipelines.inputs.streams.kafka_reader.HEALTH", fresh)
    return fresh


def test_the_groups_offsets_wait_for_the_warehouse(kafka: Kafka, health: Health) -> None:
    topic = make_topic(kafka, 1)
    send(kafka, topic, [(0, b"1")] * 5)
    with Stream(stream(kafka, topic, checkpoint_interval_seconds=0.1)) as found:
        found.read(5).cut()
        health.note_commit()
        send(kafka, topic, [(0, b"2")])
        found.read(6).cut()
        found.wait_for(lambda: committed(kafka, topic) == 5)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            found.read_until_quiet()
            assert committed(kafka, topic) == 5
        health.note_commit()
        found.wait_for(lambda: committed(kafka, topic) == 6)


@pytest.mark.usefixtures("health")
def test_the_groups_offsets_follow_two_checkpoints_behind(kafka: Kafka) -> None:
    topic = make_topic(kafka, 1)
    send(kafka, topic, [(0, b"1")] * 5)
    options = {"checkpoint_interval_seconds": 1.0}
    with Stream(stream(kafka, topic, **options)) as found:
        found.read(5).cut()
        begun = time.monotonic()
        assert committed(kafka, topic) < 0
        send(kafka, topic, [(0, b"2")])
        found.read(6).cut()
        found.wait_for(lambda: committed(kafka, topic) >= 5)
        assert time.monotonic() - begun >= 2
    with Stream(stream(kafka, topic)) as again:
        again.read_until_quiet()
    assert len(again.records) == 6 - committed(kafka, topic)


def test_a_check_says_in_one_line_what_is_wrong(kafka: Kafka, tmp_path: Path) -> None:
    topic = make_topic(kafka)
    stream(kafka, topic).check()
    (nobody,) = free_ports(1)
    bad_file = tmp_path / "kafka.properties"
    bad_file.write_text("security.protocol\n")
    cases = [
        (
            KafkaStream(f"127.0.0.1:{nobody}", (topic,), start_timeout_seconds=1),
            "cannot be reached",
        ),
        (stream(kafka, topic, "nothing", start_timeout_seconds=1), "no topic 'nothing'"),
        (stream(kafka, topic, options={"sasl.passwort": "x"}), "sasl.passwort"),
        (stream(kafka, topic, start_from="yesterday"), "yesterday"),
        (stream(kafka, topic, options_file=str(tmp_path / "none")), "none"),
        (stream(kafka, topic, options_file=str(bad_file)), "key=value"),
    ]
    for source, expected in cases:
        with pytest.raises(InputError, match=expected) as raised:
            source.check()
        assert "\n" not in str(raised.value)


def test_a_check_waits_for_a_topic_that_is_being_made(kafka: Kafka) -> None:
    topic = next(_names)
    admin = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    source = stream(kafka, topic, start_timeout_seconds=0.3)
    with pytest.raises(InputError):
        source.check()
    kafka.create_topic(topic, 1)
    source.check()
    assert admin.list_topics(topic, timeout=10).topics[topic].error is None


def test_credentials_come_from_a_file_and_wrong_ones_are_told(
    tmp_path: Path, kafka, caplog
) -> None:
    broker = Kafka(tmp_path / "broker")
    with broker:
        topic = make_topic(broker, 1)
        send(broker, topic, [(0, b"{}")])
    address, secrets = ask_for_login(broker), tmp_path / "kafka.properties"
    with broker:
        source = KafkaStream(address, (topic,), options_file=str(secrets), start_timeout_seconds=2)
        secrets.write_text(login("hidden-wrong"))
        with pytest.raises(InputError, match="refuses the credentials") as raised:
            source.check()
        secrets.write_text(login(PASSWORD))
        source.check()
        with Stream(source) as found:
            found.read(1)
    assert "hidden-wrong" not in f"{raised.value}{caplog.text}{source!r}"


def test_broker_is_read_over_tls_and_tells_who_is_not_trusted(tmp_path: Path, kafka) -> None:
    broker, certificates = Kafka(tmp_path / "broker"), make_certificates(tmp_path / "ours")
    strangers = make_certificates(tmp_path / "strangers")
    with broker:
        topic = make_topic(broker, 1)
        send(broker, topic, [(0, b"{}")])
    open_to_all, mutual = ask_for_tls(broker, certificates)
    trusting = {"security.protocol": "SSL", "ssl.ca.location": str(certificates / "ca.crt")}
    cases = [
        (open_to_all, trusting, True),
        (open_to_all, trusting | {"ssl.ca.location": str(strangers / "ca.crt")}, False),
        (mutual, trusting | _client_of(certificates), True),
        (mutual, trusting | _client_of(strangers), False),
        (mutual, trusting, False),
    ]
    with broker:
        for address, options, is_trusted in cases:
            source = KafkaStream(address, (topic,), options=options, start_timeout_seconds=3)
            if is_trusted:
                with Stream(source) as found:
                    assert found.read(1).records == ["{}"]
                continue
            with pytest.raises(InputError, match=r"no secure connection .*check ssl") as raised:
                source.check()
            assert "\n" not in str(raised.value)


def _client_of(certificates: Path) -> dict[str, str]:
    return {
        "ssl.certificate.location": str(certificates / "client.crt"),
        "ssl.key.location": str(certificates / "client.key"),
    }
