"""What can be done with any of the servers? Start it, end it in order, kill it, start it again."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from pipelines.services.server import Process


class Service(ABC):
    """A server of this machine: `with Kafka(folder) as kafka:`, or start() and stop()."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, to tell people."""

    @abstractmethod
    def start(self) -> Self:
        """Start it and wait until it answers. Raises ServiceError."""

    @abstractmethod
    def stop(self) -> None:
        """End it in order."""

    @abstractmethod
    def kill(self) -> None:
        """End it like a crash."""

    def restart(self) -> None:
        """End it in order if it runs, and start it on what it kept, at the same address."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class OneProcess(Service):
    """A server that is a single process, which subclasses make."""

    _process: Process

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid

    def stop(self) -> None:
        """End it in order."""
        self._process.stop()

    def kill(self) -> None:
        """End it like a crash."""
        self._process.kill()
