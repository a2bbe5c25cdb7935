"""Does Pub/Sub, as its official emulator plays it, lose nothing until a checkpoint is durable?"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.inputs import InputError
from pipelines.inputs.streams import WatermarkOptions
from pipelines.inputs.streams.pubsub import PubSubStream
from pipelines.inputs.streams.pubsub_client import close_subscriptions
from pipelines.inputs.streams.pubsub_direct import ReadPubSubDirectly
from pipelines.services.server import free_ports
from tests.pipelines.inputs.read_streams import Stream
from tests.pipelines.pubsub_emulator import (
    PROJECT,
    Emulator,
    create_topic,
    publish,
    subscription_path,
)

PATIENT = WatermarkOptions(60, 300, None)
REDELIVERY_SECONDS = 600.0
"""The emulator may give messages to a stream that is gone, each time for a lease of 10 s."""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("pubsub")) as started:
        yield started
        close_subscriptions()


@pytest.fixture
def topic(emulator: Emulator) -> Iterator[str]:
    """The name of a new topic and its subscription."""
    yield create_topic()
    close_subscriptions()


def stream(name: str, **options) -> PubSubStream:
    return PubSubStream(subscription_path(name), **{"watermark": PATIENT} | options)


def event(at_ms: int) -> bytes:
    return b'{"timestamp":%d}' % at_ms


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_messages_become_envelopes_with_their_id_and_time_of_publishing(topic: str) -> None:
    publish(topic, [event(now_ms()), b"\xff\0"])
    with Stream(stream(topic, topic="clicks")) as found:
        found.read(2)
    assert {line["topic"] for line in found.lines} == {"clicks"}
    assert len({line["message_id"] for line in found.lines}) == 2
    assert {line.get("record_base64") for line in found.lines} == {None, "/wA="}
    assert all("partition" not in line for line in found.lines)


def test_what_was_not_acknowledged_comes_again(topic: str) -> None:
    contents = [event(now_ms() - n) for n in range(300)]
    publish(topic, contents)
    with Stream(stream(topic)) as found:
        mark = found.read(200).cut()
        mark.finalize_checkpoint()
        durable = set(found.records)
        found.read(250).cut()  # given, but that checkpoint never became durable
    close_subscriptions()
    missing = {content.decode() for content in contents} - durable
    with Stream(stream(topic), mark) as again:
        again.wait_for(lambda: set(again.records) >= missing, REDELIVERY_SECONDS)
        again.read_until_quiet()
        assert again.watermark_ms >= mark.watermark_ms
    # At least once: on a busy machine the emulator sends acknowledged ones again, too.
    assert missing <= set(again.records) <= missing | durable


def test_a_new_reader_for_every_bundle_shares_one_stream(topic: str) -> None:
    contents = [b"%d" % n for n in range(100)]
    publish(topic, contents)
    records: list[str] = []
    mark = None
    while len(records) < 100:
        found = Stream(stream(topic), mark).read(10)
        mark = found.cut()
        records += found.records
    assert sorted(records) == sorted(content.decode() for content in contents)


def test_an_idle_subscription_follows_the_clock_but_not_while_it_is_away(
    topic: str, emulator: Emulator
) -> None:
    source = stream(topic, watermark=WatermarkOptions(60, 300, 1))
    publish(topic, [event(1)])
    with Stream(source) as found:
        found.read(1)
        found.cut().finalize_checkpoint()
        assert found.watermark_ms == 1 - 60_000
        begun_ms = now_ms()
        found.wait_for(lambda: found.watermark_ms > begun_ms - 60_000)
        assert found.watermark_ms <= now_ms() - 60_000


def test_a_subscription_that_is_made_again_is_read_on(tmp_path: Path) -> None:
    with Emulator(tmp_path) as lost:
        name = create_topic()
        publish(name, [b"before"])
        with Stream(stream(name)) as found:
            found.read(1).cut().finalize_checkpoint()
            lost.kill()
            assert not found.step()
            lost.start()  # and knows nothing any more
            assert not found.step()
            create_topic(name)
            publish(name, [b"after"])
            found.read(2, 90)
        close_subscriptions()
    assert found.records == ["before", "after"]


def test_a_check_says_in_one_line_what_is_wrong(topic: str) -> None:
    stream(topic).check()
    wrong = [
        (PubSubStream(f"{PROJECT}/subscriptions/none", start_timeout_seconds=1), "no subscription"),
        (PubSubStream("none", start_timeout_seconds=1), "none"),
    ]
    for source, expected in wrong:
        with pytest.raises(InputError, match=expected) as raised:
            source.check()
        assert "\n" not in str(raised.value)


def test_a_check_tells_that_nobody_is_there(emulator: Emulator, monkeypatch) -> None:
    (nobody,) = free_ports(1)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{nobody}")
    with pytest.raises(InputError, match="cannot be reached") as raised:
        stream("any", start_timeout_seconds=1).check()
    assert "\n" not in str(raised.value)


def test_the_direct_runner_gets_the_same_elements(topic: str, tmp_path: Path) -> None:
    publish(topic, [event(now_ms())])
    options = PipelineOptions(["--runner=BundleBasedDirectRunner", "--streaming"])
    out = tmp_path / "lines"
    pipeline = beam.Pipeline(options=options)
    elements = pipeline | ReadPubSubDirectly(stream(topic, topic="clicks"))
    _ = elements | beam.Map(lambda element: out.write_text(repr(element)))
    result = pipeline.run()
    deadline = time.monotonic() + 30
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    canceller = threading.Thread(target=result.cancel)
    canceller.start()
    publish(topic, [b"so that the pull that is under way returns"])
    canceller.join(60)
    assert '"topic":"clicks"' in out.read_text()
    assert '"message_id"' in out.read_text()
