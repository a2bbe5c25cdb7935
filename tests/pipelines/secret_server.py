"""Which server do tests ask for secrets? One made of the classes of the real protocol."""

from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager

import grpc
from google.cloud import secretmanager_v1 as manager

from pipelines.options.secret_manager import EMULATOR_VARIABLE

_SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


@contextmanager
def serving(
    secrets: Mapping[str, bytes], refused: grpc.StatusCode = grpc.StatusCode.NOT_FOUND
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Serve versions of secrets by full name; the environment to set, and the names asked for.

    `refused`: the status for all other names.
    """
    asked: list[str] = []

    def access(request: manager.AccessSecretVersionRequest, context: grpc.ServicerContext) -> bytes:
        asked.append(request.name)
        if request.name not in secrets:
            context.abort(refused, f"Secret {request.name} is not for you.")
        payload = manager.SecretPayload(data=secrets[request.name])
        return manager.AccessSecretVersionResponse(name=request.name, payload=payload)

    handler = grpc.unary_unary_rpc_method_handler(
        access,
        request_deserializer=manager.AccessSecretVersionRequest.deserialize,
        response_serializer=manager.AccessSecretVersionResponse.serialize,
    )
    server = grpc.server(futures.ThreadPoolExecutor(2))
    methods = {"AccessSecretVersion": handler}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield {EMULATOR_VARIABLE: f"127.0.0.1:{port}"}, asked
    finally:
        server.stop(None)
