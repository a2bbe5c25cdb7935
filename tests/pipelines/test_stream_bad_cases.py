"""What does the streaming program do when something is missing, broken or of no use?"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.live.keys import LiveKeys
from pipelines.outputs.live_store import open_client
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.server import free_ports
from tests.pipelines.killing import ROOT
from tests.pipelines.login_broker import ask_for_login, login
from tests.pipelines.whole_runs import read
from tests.pipelines.whole_streams import WholeStream, ask, from_kafka
from tests.pipelines.whole_topics import SchoolTopics, recent_school

pytestmark = pytest.mark.usefixtures("pseudonym_key")
HEALTHY_SECONDS = 60.0
START_TIMEOUT_SECONDS = 3.0
_EVENT = b'{"event_id":"%d","student_id":"s","event_type":"page_view"%s}'


@contextmanager
def _ending(redis: Redis) -> Iterator[None]:
    """End a server that the test may have started."""
    try:
        yield
    finally:
        redis.stop()


def _assert_stays_healthy(stream: WholeStream, port: int) -> None:
    end = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < end:
        assert ask(port, "/health")[0] == 200
        assert stream.process.poll() is None, stream.log
        time.sleep(2)


def _send_junk(topics: SchoolTopics, count: int) -> None:
    for number in range(count):
        topics.put("clickstream", b"<html>%d</html>" % number)
        topics.put("video", _EVENT % (number, b""))
        topics.put("quiz", _EVENT % (number, b',"timestamp":"soon"'))
    topics.flush()


def test_nothing_then_junk_then_events_without_a_live_store(
    tmp_path: Path, school_kafka: Kafka
) -> None:
    topics, redis, (port,) = SchoolTopics(school_kafka, "junk"), Redis(tmp_path), free_ports(1)
    options = from_kafka(topics) | {"live_store": redis.url, "metrics_port": port}
    with _ending(redis), WholeStream(tmp_path / "stream", options) as stream:
        stream.start()
        stream.wait(lambda: ask(port, "/health")[0] == 200, "its health", 240)
        _assert_stays_healthy(stream, port)
        _send_junk(topics, 1500)
        stream.wait_for_all(4500)
        assert stream.row()["dead_letters"] == 4500
        letters = read(stream.warehouse, "ops.dead_letters")
        found = {(letter["source"], letter["reason"]) for letter in letters}
        reasons = {"clickstream": "not_json", "video": "unknown_dialect", "quiz": "bad_time"}
        assert found == {(topics.name(topic), reason) for topic, reason in reasons.items()}
        topics.send(recent_school(100)[1][:500])
        stream.wait_for_all(5000)
        assert "the live store does not answer" in stream.log
        redis.start()
        with open_client(redis.url) as client:
            stream.wait(lambda: client.zcard(LiveKeys().last), "students in the live store", 60)
        stream.assert_as_batch(topics.places())


def test_warehouse_that_cannot_be_written_any_more_stops_the_stream(
    tmp_path: Path, school_kafka: Kafka
) -> None:
    topics, arrivals = SchoolTopics(school_kafka, "unwritable"), recent_school(200)[1]
    topics.send(arrivals[:1000])
    with WholeStream(tmp_path / "stream", from_kafka(topics)) as stream:
        stream.start().wait_for_records(1000)
        table, away = stream.warehouse / "silver" / "events", tmp_path / "away"
        table.rename(away)
        table.write_text("in the way")
        topics.send(arrivals[1000:2000])
        assert stream.process.wait(120) == 1
        last = [line for line in stream.log.splitlines() if line.startswith("chapterflow:")][-1]
        assert "cannot write to" in last
        assert str(stream.warehouse) in last
        assert sum(topics.committed(topics.prefix).values()) <= 1000
        table.unlink()
        away.rename(table)
        stream.start().wait_for_all(2000)
        stream.assert_as_batch(topics.places())


Refused = dict[str, tuple[int, list[str]]]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, school_kafka: Kafka) -> Refused:
    """Exit code and lines of wrong starts."""
    folder, (nobody,) = tmp_path_factory.mktemp("refused"), free_ports(1)
    school_kafka.create_topic("known", 1)
    school_kafka.stop()
    address = ask_for_login(school_kafka)
    school_kafka.start()
    for name, text in (("login", login("hidden-wrong")), ("file", "")):
        (folder / name).write_text(text)
    usual = {
        "kafka_bootstrap_servers": school_kafka.bootstrap_servers,
        "kafka_topics": "known",
        "warehouse": folder / "w",
        "start_timeout_seconds": START_TIMEOUT_SECONDS,
    }
    wrong = {
        "broker": usual | {"kafka_bootstrap_servers": f"127.0.0.1:{nobody}"},
        "topic": usual | {"kafka_topics": "unknown"},
        "login": usual
        | {"kafka_bootstrap_servers": address, "kafka_options_file": folder / "login"},
        "option": usual | {"comit_interval_seconds": 3},
        "inbox": {"inbox": folder / "none", "warehouse": folder / "w"},
        "warehouse": usual | {"warehouse": folder / "file" / "w"},
    }
    return {name: _start(options) for name, options in wrong.items()}


def _start(options: dict[str, object]) -> tuple[int, list[str]]:
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "pipelines.streaming", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip().splitlines()


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("broker", 2, "Kafka cannot be reached"),
        ("topic", 2, "no topic 'unknown'"),
        ("login", 2, "refuses the credentials"),
        ("option", 2, "unknown option --comit_interval_seconds=3"),
        ("inbox", 2, "There is no folder"),
        ("warehouse", 1, "Not a directory"),
    ],
)
def test_wrong_start_ends_with_a_line_that_says_why(
    refused: Refused, what: str, code: int, words: str
) -> None:
    found, lines = refused[what]
    assert (found, lines[-1].startswith("chapterflow: ")) == (code, True), lines
    assert words in lines[-1]
    assert "hidden-wrong" not in "".join(lines)
    assert "Traceback" not in "".join(lines)
