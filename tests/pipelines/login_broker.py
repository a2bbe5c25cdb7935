"""How does a broker of a test ask for a login?"""

from pipelines.services.kafka import Kafka
from pipelines.services.server import free_ports

USER, PASSWORD = "reader", "right"
_SETTINGS = r"""
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{safe},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{safe}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
 org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
"""


def ask_for_login(broker: Kafka) -> str:
    """Give a broker that has run and stopped a second address, for logins only; that address."""
    safe, controller = free_ports(2)
    settings = broker.folder / "server.properties"
    added = _SETTINGS.format(
        port=broker.port, safe=safe, controller=controller, user=USER, password=PASSWORD
    )
    settings.write_text(settings.read_text() + added)
    return f"127.0.0.1:{safe}"


def login(password: str) -> str:
    """The client's options, as the lines of a file."""
    return (
        "# login\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f"sasl.username={USER}\nsasl.password={password}\n"
    )
