"""How do tests get a Pub/Sub of their own? The official emulator, at the end of a line to cut."""

import itertools
import os
import shutil
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from pipelines.services.server import Process, free_ports, is_listening
from tests.needs import need

PROJECT = "projects/school"
VARIABLE = "PUBSUB_EMULATOR_HOST"
_SECONDS = 60.0
_names = (f"events-{number}" for number in itertools.count())


def emulator_jar() -> Path | None:
    """The jar within the gcloud SDK, if that and the emulator are installed."""
    homes = [Path("/usr/lib/google-cloud-sdk"), Path("/usr/lib/google-cloud-cli")]
    gcloud = shutil.which("gcloud")
    if gcloud:
        homes.append(Path(gcloud).resolve().parents[1])
    pattern = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*.jar"
    return next((jar for home in homes for jar in home.glob(pattern)), None)


class Emulator:
    """The emulator as a process, for clients that are made while it runs. It keeps nothing."""

    def __init__(self, folder: Path) -> None:
        jar, java = emulator_jar(), shutil.which("java")
        need(jar and java, "no Pub/Sub emulator (google-cloud-cli-pubsub-emulator) or no java")
        (self.port,) = free_ports(1)
        command = [str(java), "-Xmx256m", "-jar", str(jar), "--host=127.0.0.1"]
        self._process = Process(
            "Pub/Sub emulator", folder / "log", [*command, f"--port={self.port}"]
        )
        self._before = os.environ.get(VARIABLE)

    def __enter__(self) -> Self:
        os.environ[VARIABLE] = f"127.0.0.1:{self.port}"
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        os.environ.pop(VARIABLE)
        if self._before is not None:
            os.environ[VARIABLE] = self._before

    def start(self) -> None:
        """Start it, at its port but without anything that it knew."""
        self._process.start(lambda: is_listening(self.port))

    def kill(self) -> None:
        """End it like a crash."""
        self._process.kill()


def create_topic(name: str | None = None) -> str:
    """The name of a topic and of its subscription, new ones."""
    name = name or next(_names)
    with PublisherClient() as publisher, SubscriberClient() as subscriber:
        path = f"{PROJECT}/topics/{name}"
        publisher.create_topic(request={"name": path}, timeout=_SECONDS)
        wanted = {"name": subscription_path(name), "topic": path}
        subscriber.create_subscription(request=wanted, timeout=_SECONDS)
    return name


def subscription_path(name: str) -> str:
    """What the stream is told to read."""
    return f"{PROJECT}/subscriptions/{name}"


def publish(topic: str, contents: Iterable[bytes]) -> list[str]:
    """Publish with the real client and wait until they are; the ids of the messages."""
    with PublisherClient() as publisher:
        sent = [publisher.publish(f"{PROJECT}/topics/{topic}", content) for content in contents]
        return [future.result(_SECONDS) for future in sent]


class Line:
    """A port that leads to another of this machine, until it is cut; as a context it is open."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        (self.port,) = free_ports(1)
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Take connections (again)."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections, and take none."""
        ends, self._ends = [*self._ends, self._listener], []
        for end in filter(None, ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # It was cut.
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to_port))
                self._ends += [here, there]
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=_carry, args=pair, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
