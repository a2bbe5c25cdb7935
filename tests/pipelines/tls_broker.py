"""How does a broker of a test speak TLS? With certificates of an authority made for it."""

import shutil
import subprocess
from pathlib import Path

from pipelines.services.kafka import Kafka
from pipelines.services.server import free_ports
from tests.needs import need

_SECONDS = 60
_SETTINGS = """
listeners=PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:{tls},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:{tls},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,MUTUAL:SSL
controller.quorum.voters=1@127.0.0.1:{controller}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.crt
listener.name.ssl.ssl.client.auth=none
listener.name.mutual.ssl.client.auth=required
"""


def ask_for_tls(broker: Kafka, certificates: Path) -> tuple[str, str]:
    """Give a broker that has run and stopped two addresses more, both encrypted.

    The second wants a certificate of the client as well.
    """
    tls, mutual, controller = free_ports(3)
    settings = broker.folder / "server.properties"
    added = _SETTINGS.format(
        port=broker.port, tls=tls, mutual=mutual, controller=controller, folder=certificates
    )
    settings.write_text(settings.read_text() + added)
    return f"127.0.0.1:{tls}", f"127.0.0.1:{mutual}"


def make_certificates(folder: Path) -> Path:
    """An authority, and a broker and a client that it vouches for: .crt, .key, both in .pem."""
    need(shutil.which("openssl"), "no openssl on the PATH")
    folder.mkdir(parents=True)
    _openssl(folder, "req -x509 -subj /CN=authority -days 2 -out ca.crt -keyout ca.key", *_KEY)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("broker", "client"):
        _openssl(folder, f"req -subj /CN={name} -out {name}.csr -keyout {name}.key", *_KEY)
        _openssl(
            folder,
            f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 "
            f"-extfile names -out {name}.crt",
        )
        both = ((folder / f"{name}.{kind}").read_text() for kind in ("key", "crt"))
        (folder / f"{name}.pem").write_text("".join(both))
    return folder


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(folder: Path, command: str, *more: str) -> None:
    words = ["openssl", *command.split(), *more]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, f"{words}: {done.stderr}"
