"""How do tests get a Cloud Storage in which tables can be kept, and which BigQuery can load from?

fake-gcs-server keeps objects as files of a folder, which the BigQuery emulator can take for gs://,
and looks at the conditions of uploads. It is built from the Go proxy, once for a machine.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pipelines.services.server import Process, free_ports, is_listening
from tests.made_once import go_program
from tests.pipelines import gcs_emulator
from tests.pipelines.killing import ROOT

_MODULE, _VERSION = "github.com/fsouza/fake-gcs-server", "v1.56.1"
_SECONDS = 60.0


@contextlib.contextmanager
def keeping(buckets: Path, folder: Path) -> Iterator[str]:
    """A server with a bucket, as gs:// name; all clients are led there by the environment.

    `buckets`: the folder of its objects, `buckets/BUCKET/NAME`. `folder`: of its logs and account.
    """
    port, own_port = free_ports(2)
    address, target = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own_port}"
    gateway = [sys.executable, "-m", "tests.pipelines.gcs_gateway", str(port), target]
    with (
        _running("fake-gcs-server", folder, _command(buckets, own_port, address), own_port),
        _running("gcs_gateway", folder, gateway, port),
        gcs_emulator.leading_to(address, folder),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("GOOGLE_SERVICE_ACCOUNT", str(_delta_account(address, folder)))
        patch.setenv("GOOGLE_ALLOW_HTTP", "true")
        asked = {"name": gcs_emulator.BUCKET}
        requests.post(f"{address}/storage/v1/b", json=asked, timeout=_SECONDS).raise_for_status()
        yield f"gs://{gcs_emulator.BUCKET}"


def _command(buckets: Path, port: int, address: str) -> list[str]:
    """How the server is started; `address`: what clients know it by."""
    program = go_program(_MODULE, _VERSION, f"fake-gcs-server-{_VERSION}") / "fake-gcs-server"
    flags = {"backend": "filesystem", "filesystem-root": buckets, "scheme": "http",
             "host": "127.0.0.1", "port": port, "public-host": f"127.0.0.1:{port}",
             "external-url": address, "log-level": "warn"}  # fmt: skip
    return [str(program), *(f"-{name}={value}" for name, value in flags.items())]


def _delta_account(address: str, folder: Path) -> Path:
    """The account of Delta tables, which needs no token: asking for one may hold Python's lock."""
    nobody = {"client_email": "", "private_key": "", "private_key_id": ""}
    path = folder / "delta_account.json"
    path.write_text(json.dumps({"gcs_base_url": address, "disable_oauth": True, **nobody}))
    return path


@contextlib.contextmanager
def _running(name: str, folder: Path, command: list[str], port: int) -> Iterator[None]:
    process = Process(name, folder / f"{name}.log", command, {"PYTHONPATH": str(ROOT)})
    process.start(lambda: is_listening(port))
    try:
        yield
    finally:
        process.stop()
