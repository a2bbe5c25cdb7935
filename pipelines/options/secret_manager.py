"""What does a secret in Google's Secret Manager hold? Asked with the official client."""

import os
import re
from functools import cache

from pipelines.options.flags import UsageError

EMULATOR_VARIABLE = "SECRET_MANAGER_EMULATOR_HOST"
"""HOST:PORT of a server to ask instead of Google's, without encryption: for tests."""
NAME = r"projects/[^/,\s]+/secrets/[A-Za-z0-9_-]+/versions/(?:latest|[A-Za-z0-9_-]+)"
"""Regular expression of the full name of a version of a secret."""
_SECONDS = 30.0


def is_secret(name: str) -> bool:
    """Whether a text is the full name of a version of a secret."""
    return re.fullmatch(NAME, name) is not None


@cache
def read_secret(name: str) -> str:
    """The text of a version, `projects/P/secrets/S/versions/V`; asked once in each process.

    UsageError, in one line and without anything of the secret, when it cannot be read.
    """
    # Imported here: runs without such a secret do without the client's start.
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    if not is_secret(name):
        raise UsageError(f"{name!r} is no name of the form projects/P/secrets/S/versions/V")
    try:
        with _client() as client:
            answer = client.access_secret_version(name=name, timeout=_SECONDS)
        return answer.payload.data.decode()
    except (GoogleAPICallError, GoogleAuthError, RetryError) as error:
        reason = " ".join((getattr(error, "message", None) or str(error)).split())
        raise UsageError(
            f"the secret {name} cannot be read ({reason[:200]}): check its name, and that the "
            "account has roles/secretmanager.secretAccessor"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"the secret {name} is no UTF-8 text") from None


def _client():  # type: ignore[no-untyped-def]  # its type is known after the late import only
    import grpc
    from google.cloud import secretmanager_v1 as manager
    from google.cloud.secretmanager_v1.services.secret_manager_service import transports

    emulator = os.environ.get(EMULATOR_VARIABLE)
    if not emulator:
        return manager.SecretManagerServiceClient()
    channel = grpc.insecure_channel(emulator)
    transport = transports.SecretManagerServiceGrpcTransport(channel=channel)
    return manager.SecretManagerServiceClient(transport=transport)
