"""Do the servers that the project starts itself start, stop, crash and come back?"""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as redis_client
from confluent_kafka import Consumer, Producer, TopicPartition

from pipelines.services import ServiceError, flink, jars, java, server
from pipelines.services.__main__ import main
from pipelines.services.cluster import FlinkCluster
from pipelines.services.kafka import Kafka
from pipelines.services.redis import Redis
from tests.needs import need
from tests.pipelines.counting_stream import CHECKPOINT_MS, noted, submit

ROOT = Path(__file__).parents[2]
SECONDS = 180.0


@pytest.fixture
def fetched_jars() -> None:
    need(shutil.which("java"), "no java on the PATH")
    need(shutil.which("mvn"), "no mvn on the PATH")


def _until(is_so: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.1)


@contextmanager
def _program(*arguments: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", *arguments]
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield program
    finally:
        program.kill()
        program.wait(SECONDS)


def _port_of(line: str) -> int:
    return int(line.rpartition(":")[2])


def test_a_redis_server_forgets_and_keeps_its_port_when_it_is_restarted(tmp_path: Path) -> None:
    with Redis(tmp_path) as redis, redis_client.Redis(port=redis.port) as client:
        client.set("a", 1)
        redis.kill()
        assert not server.is_listening(redis.port)
        redis.restart()
        assert client.get("a") is None
    assert not server.is_listening(redis.port)


def test_kafka_keeps_messages_and_port_when_it_is_killed(
    tmp_path: Path, fetched_jars: None
) -> None:
    with Kafka(tmp_path) as kafka:
        kafka.create_topic("events", partitions=1)
        kafka.create_topic("events", partitions=1)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce("events", b"kept")
        assert producer.flush(20) == 0
        kafka.kill()
    with Kafka(tmp_path) as again:
        assert again.port == kafka.port
        consumer = Consumer({"bootstrap.servers": again.bootstrap_servers, "group.id": "test"})
        consumer.assign([TopicPartition("events", 0, 0)])
        message = consumer.poll(20)
        assert message is not None
        assert message.value() == b"kept"
        consumer.close()


def test_a_stream_goes_on_from_its_checkpoint_when_its_program_was_killed(
    tmp_path: Path, fetched_jars: None
) -> None:
    numbers = tmp_path / "numbers"
    with _program("tests.pipelines.counting_stream", str(tmp_path)):
        _until_kept(tmp_path, numbers)
    before = noted(numbers)
    assert before[0] == 1
    _until(lambda: str(tmp_path) not in _command_lines(), "the job server has ended", 20)
    with _program("tests.pipelines.counting_stream", str(tmp_path)):
        _until(lambda: len(noted(numbers)) > len(before), "more numbers")
    assert noted(numbers)[len(before)] > 1


def _command_lines() -> str:
    command = ["ps", "-e", "-ww", "-o", "command="]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout


def test_a_cluster_survives_its_workers(tmp_path: Path, fetched_jars: None) -> None:
    numbers = tmp_path / "numbers"
    with FlinkCluster(tmp_path) as cluster:
        submit(cluster.submit_options(checkpoint_ms=CHECKPOINT_MS), numbers)
        _until(cluster.jobs, "a job")
        (job,) = cluster.jobs()
        _until_kept(tmp_path, numbers)
        assert cluster.kill_worker()
        _goes_on(numbers)
        cluster.kill_task_manager()
        cluster.start_task_manager()
        _goes_on(numbers)
        assert (cluster.savepoint(job) / "_metadata").is_file()
        cluster.cancel(job)
        assert cluster.latest_checkpoint(job)
        assert cluster.jobs() == {job: "CANCELED"}
    assert noted(numbers).count(1) == 1
    assert str(tmp_path) not in _command_lines()


def _until_kept(folder: Path, numbers: Path) -> None:
    """Until a checkpoint holds some of the numbers: the one after next, as one may be under way."""
    _until(lambda: noted(numbers), "numbers")
    for _ in range(2):
        known = flink.latest_checkpoint(folder)
        _until(lambda known=known: flink.latest_checkpoint(folder) != known, "a checkpoint")


def _goes_on(numbers: Path) -> None:
    seen = max(noted(numbers))
    _until(lambda: max(noted(numbers)) > seen, "more numbers")


def test_servers_end_with_a_program_that_is_killed(tmp_path: Path) -> None:
    with _program("pipelines.services", "up", f"--folder={tmp_path}", "--only=redis") as program:
        assert program.stdout
        port = _port_of(program.stdout.readline())
        assert server.is_listening(port)
        program.kill()
        _until(lambda: not server.is_listening(port), "the server has ended", 20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_are_stopped_by_a_signal(tmp_path: Path, number: int) -> None:
    with _program("pipelines.services", "up", f"--folder={tmp_path}", "--only=redis") as program:
        assert program.stdout
        port = _port_of(program.stdout.readline())
        program.stdout.readline()
        program.send_signal(number)
        assert program.wait(20) == 0
        assert not server.is_listening(port)


@pytest.mark.parametrize("arguments", [[], ["up", "--only=cassandra"], ["up", "--only="], ["gone"]])
def test_wrong_options_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    process = server.Process("It", tmp_path / "log", ["sh", "-c", "echo no disk; exit 3"])
    with pytest.raises(ServiceError, match=r"It ended while starting(?s:.*)no disk"):
        process.start(lambda: False)
    slow = server.Process("It", tmp_path / "log", ["sleep", "60"])
    with pytest.raises(ServiceError, match="not ready in time"):
        slow.start(lambda: False, seconds=0.2)
    assert slow.pid is None


def test_a_missing_or_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ServiceError, match=r"no java in JAVA_HOME .*install a JDK"):
        java.find_java()
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    with pytest.raises(ServiceError, match=r"is version 11; install"):
        java.find_java()


def test_a_missing_maven_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPTERFLOW_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ServiceError, match=r"no mvn on the PATH.*install Maven"):
        jars.kafka_jars()


def test_the_pathing_jar_keeps_to_72_bytes_a_line(fetched_jars: None) -> None:
    with zipfile.ZipFile(jars.job_server_jar()) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF")
    assert max(map(len, manifest.split(b"\r\n"))) == 72
    unfolded = manifest.replace(b"\r\n ", b"").decode()
    assert all(f"/{path.name}" in unfolded for path in jars.flink_jars())
