"""Does the whole streaming program give what batch gives, and say what is wrong?"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simulate import School
from benchmarks.simulate.school import Arrival
from pipelines.live.keys import LiveKeys
from pipelines.outputs.live_store import open_client
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from pipelines.services.server import free_ports
from tests.pipelines.whole_inbox import drop
from tests.pipelines.whole_runs import read, write_catalogues
from tests.pipelines.whole_streams import WholeStream, ask, from_kafka
from tests.pipelines.whole_topics import SchoolTopics, need_servers, recent_school, sending

pytestmark = pytest.mark.usefixtures("pseudonym_key")
Sent = tuple[School, list[Arrival]]


@pytest.fixture(scope="module")
def sent() -> Sent:
    return recent_school(250)


def _assert_refused(stream: WholeStream, capsys: pytest.CaptureFixture) -> None:
    assert stream.run_batch(stream.warehouse) == 2
    assert stream.row()["run_id"] in capsys.readouterr().err


def _metric(port: int, name: str) -> float:
    lines = ask(port, "/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split()[0] == name)


def test_stream_of_a_school_gives_what_batch_gives(
    tmp_path: Path, school_kafka: Kafka, sent: Sent, capsys: pytest.CaptureFixture
) -> None:
    school, arrivals = sent
    topics, (port,) = SchoolTopics(school_kafka, "parity"), free_ports(1)
    half = len(arrivals) // 2
    topics.send(arrivals[:half])
    with Redis(tmp_path / "redis") as redis:
        options = from_kafka(topics) | {"live_store": redis.url, "metrics_port": port}
        known = write_catalogues(school, tmp_path)
        with WholeStream(tmp_path / "stream", options, **known) as stream:
            stream.start().wait_for_records(half)
            stream.wait(stream.kept, "a file in the raw zone", 60)
            run_id = stream.row()["run_id"]
            _assert_refused(stream, capsys)
            # Ctrl-C while there is much to read.
            topics.send(arrivals[half:-500])
            stream.interrupt()
            assert stream.row()["status"] == "stopped"
            with sending(topics, iter(arrivals[-500:]), rate=100):
                stream.start().wait_for_records(half + 1)
            count = topics.count()
            assert count == len(arrivals)
            stream.wait_for_all(count)
            _assert_counted(stream.row(), run_id)
            _assert_watched(port, redis, stream)
            stream.assert_as_batch()
            assert stream.run_batch(stream.warehouse, "--force") == 0
            stream.assert_as_batch(topics.places())
            stream.interrupt()


def _assert_counted(row: dict[str, Any], run_id: str) -> None:
    assert (row["run_id"], row["status"], row["dropped"]) == (run_id, "running", 0)
    assert min(row[name] for name in ("events", "duplicates", "dead_letters", "late")) > 0


def _assert_watched(port: int, redis: Redis, stream: WholeStream) -> None:
    assert ask(port, "/health")[0] == 200
    assert json.loads(ask(port, "/health")[1])["status"] == "ok"
    assert _metric(port, "chapterflow_records_read_total") > 0
    assert _metric(port, "chapterflow_live_events_refused_total") == 0
    keys = LiveKeys()
    with open_client(redis.url) as client:
        students = client.zcard(keys.last)
        assert students == len({row["student_hash"] for row in _recent_events(stream)})
        logged = client.lrange(keys.alerts_log, 0, -1)
    incidents = read(stream.warehouse, "gold.alerts")
    assert bool(logged) == bool(incidents)


def _recent_events(stream: WholeStream) -> list[dict[str, Any]]:
    return read(stream.warehouse, "silver.events")


def test_files_that_appear_in_an_inbox_are_read_once(tmp_path: Path, sent: Sent) -> None:
    need_servers()
    bodies = [arrival.body for arrival in sent[1][:3000]]
    inbox, (port,) = tmp_path / "inbox", free_ports(1)
    inbox.mkdir()
    for number in range(2):
        drop(inbox, number, bodies[number * 500 : number * 500 + 500])
    options = {"inbox": inbox, "metrics_port": port}
    with WholeStream(tmp_path / "stream", options) as stream:
        stream.start().wait_for_records(1000)
        for number in range(2, 6):
            drop(inbox, number, bodies[number * 500 : number * 500 + 500])
            time.sleep(0.5)
        stream.wait_for_all(len(bodies))
        stream.assert_as_batch()
        stream.interrupt()
    assert len(stream.kept()) == len(bodies)
