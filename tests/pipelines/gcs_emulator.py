"""How do tests get a Cloud Storage of their own? An emulator, with an account that it takes."""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from apache_beam.internal.gcp import auth
from apache_beam.io.filesystems import FileSystems
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipelines import objects, storage
from pipelines.services.server import Process, free_ports, is_listening

BUCKET = "school"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """An emulator with an empty bucket: its gs:// name. The environment leads all clients there."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host=127.0.0.1"]
    command += [f"--port={port}", f"--default-bucket={BUCKET}", "--in-memory"]
    server = Process("GCS emulator", folder / "gcs.log", command)
    server.start(lambda: is_listening(port))
    try:
        with leading_to(f"http://127.0.0.1:{port}", folder):
            yield f"gs://{BUCKET}"
    finally:
        server.stop()


@contextlib.contextmanager
def leading_to(address: str, folder: Path) -> Iterator[None]:
    """The environment in which clients of Cloud Storage talk to `address`, with an account."""
    with _answering(_Tokens) as tokens, pytest.MonkeyPatch.context() as patch:
        _forget_account()
        account = folder / "account.json"
        account.write_text(json.dumps(_account(f"{tokens}/token")))
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
        patch.setenv("GOOGLE_CLOUD_PROJECT", "school")
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        storage_caches_cleared()
        try:
            yield
        finally:
            _forget_account()
            storage_caches_cleared()


@contextlib.contextmanager
def refusing(
    folder: Path, status: int = 403, asked: list[str] | None = None, may_read: bool = False
) -> Iterator[str]:
    """A Cloud Storage that answers everything with an error, as the real one words it.

    `asked`: gets the paths asked for. `may_read`: every object is there, and only writing refused.
    """
    known = {"status": status, "answer": _ERROR, "asked": [] if asked is None else asked}
    if may_read:
        known["do_GET"] = lambda handler: handler._say(200, {"name": "an object"})
    handler = type("_Refusing", (_Answers,), known)
    with _answering(handler) as address, leading_to(address, folder):
        yield f"gs://{BUCKET}"


def storage_caches_cleared() -> None:
    """Clients remember where they were led to."""
    storage._remote.cache_clear()
    objects._client.cache_clear()


def names(below: str) -> list[str]:
    """Names of all objects below a gs:// path, sorted."""
    found = FileSystems.match([f"{below}/**"])
    return sorted(item.path for result in found for item in result.metadata_list)


def put(path: str, content: bytes) -> None:
    """Write an object with Beam's file IO."""
    with FileSystems.create(path, compression_type="uncompressed") as file:
        file.write(content)


def _forget_account() -> None:
    auth._Credentials._credentials_init = False


def _account(token_uri: str) -> dict[str, str]:
    """A service account with a key made now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account",
        "project_id": "school",
        "client_email": "tests@school.iam.gserviceaccount.com",
        "private_key": pem,
        "private_key_id": "1",
        "token_uri": token_uri,
    }


class _Answers(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    answer: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def _answer(self) -> None:
        self._say(self.status, self.answer)

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Tokens(_Answers):
    answer: ClassVar[dict[str, Any]] = {
        "access_token": "a-token-of-tests", "expires_in": 3600, "token_type": "Bearer",
    }  # fmt: skip


_SAID = "tests@school.iam.gserviceaccount.com does not have storage.objects.list access."
_ERROR = {"error": {"code": 403, "message": _SAID, "errors": [{"reason": "forbidden"}]}}


@contextlib.contextmanager
def _answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
