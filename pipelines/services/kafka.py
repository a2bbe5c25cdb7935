"""How does a Kafka broker run on this machine? As one process, broker and controller in one."""

import base64
import subprocess
import uuid
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from pipelines.services.errors import ServiceError
from pipelines.services.jars import kafka_jars
from pipelines.services.java import find_java
from pipelines.services.server import Process, free_ports, is_listening
from pipelines.services.service import OneProcess

_TOOL_SECONDS = 60
_ANSWER_SECONDS = 20.0
# A broker that was killed may come back when its session has ended: that is after 2 s, not 9.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
num.partitions=4
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
log.segment.bytes=134217728
num.network.threads=2
num.io.threads=2
"""


class Kafka(OneProcess):
    """A single broker (KRaft) with its data, log and port in a folder.

    Kept data is used again, at its port.
    """

    def __init__(self, folder: Path | str, port: int | None = None, heap: str = "512m") -> None:
        self.folder = Path(folder).absolute()
        self._settings = self.folder / "server.properties"
        self._jars = ":".join(map(str, kafka_jars()))
        self._java = [find_java(), f"-Xmx{heap}", "-XX:+UseSerialGC", "-cp", self._jars]
        self.port = self._known_port() or port or free_ports(1)[0]
        command = [*self._java, "kafka.Kafka", str(self._settings)]
        self._process = Process("Kafka", self.folder / "kafka.log", command)

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What to tell people."""
        return self.bootstrap_servers

    def start(self) -> Self:
        """Start it, with an empty folder on its first time. Raises ServiceError."""
        if not self._settings.exists():
            self._format()
        self._process.start(self._answers)
        return self

    def create_topic(self, name: str, partitions: int = 4, log_append_time: bool = True) -> None:
        """Create a topic, if it is not there. Raises ServiceError.

        `log_append_time`: the broker stamps messages when it gets them, not their producer.
        """
        kind = "LogAppendTime" if log_append_time else "CreateTime"
        topic = NewTopic(name, partitions, 1, config={"message.timestamp.type": kind})
        try:
            admin = self._admin()  # Its answers end with it.
            admin.create_topics([topic])[name].result(_ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise ServiceError(f"topic {name} cannot be created: {error}") from None

    def _known_port(self) -> int | None:
        if not self._settings.exists():
            return None
        settings = dict(
            line.split("=", 1) for line in self._settings.read_text().splitlines() if "=" in line
        )
        return int(settings["advertised.listeners"].rpartition(":")[2])

    def _admin(self) -> AdminClient:
        # Errors come with the answers: without a logger they would also be printed.
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

    def _answers(self) -> bool:
        if not is_listening(self.port):
            return False
        try:
            return bool(self._admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._settings.with_suffix(".part")
        part.write_text(
            _PROPERTIES.format(folder=self.folder, port=self.port, controller_port=free_ports(1)[0])
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._run("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(part))
        part.rename(self._settings)

    def _run(self, *command: str) -> None:
        try:
            done = subprocess.run(
                [*self._java, *command], capture_output=True, text=True, timeout=_TOOL_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{command[0]} took more than {_TOOL_SECONDS} s") from None
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise ServiceError(f"{command[0]} failed: {' '.join(said[:3])[:500]}")
