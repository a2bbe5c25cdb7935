"""What can be done with any of the servers? Start it, end it in order, kill it, start it again."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


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
