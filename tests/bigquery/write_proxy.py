"""What if BigQuery does not take rows? A proxy before the emulator's Storage Write API."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest

_METHOD = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows"
REQUEST_BYTES = 10_000_000
"""Of a request at most, by the documentation."""
Rule = Callable[[AppendRowsRequest], grpc.StatusCode | None]
"""Gives the code with which a request is refused, and its connection ended, if it is."""


@dataclass(frozen=True)
class Append:
    """A request: the table, and what is in it. `connection`: a number."""

    connection: int
    table: str
    request: AppendRowsRequest

    @property
    def has_schema(self) -> bool:
        """Whether it says what the columns are."""
        return bool(self.request.arrow_rows.writer_schema.serialized_schema)

    @property
    def size_bytes(self) -> int:
        """As it is sent."""
        return AppendRowsRequest.pb(self.request).ByteSize()


class WriteProxy:
    """`appends` are those that came; `rule` decides; with `loses` it loses the answer instead.

    Where `is_silent` says so nothing is done with a request, nor answered.
    """

    def __init__(self, target: str) -> None:
        self.appends, self.connections = list[Append](), 0
        self.rule: Rule = lambda request: None
        self.loses = False
        self.is_silent: Callable[[], bool] = lambda: False
        self._channel = grpc.insecure_channel(target)
        size = ("grpc.max_receive_message_length", REQUEST_BYTES)
        self._server = grpc.server(ThreadPoolExecutor(32), options=[size])
        self._server.add_generic_rpc_handlers((_Handler(self._pass),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def address(self) -> str:
        """What BIGQUERY_STORAGE_EMULATOR_HOST is to say."""
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["WriteProxy"]:
        """Answer while the block runs."""
        self._server.start()
        try:
            yield self
        finally:
            self._server.stop(None)
            self._channel.close()

    def tables(self) -> list[str]:
        """Names of the tables appended to, in order."""
        return [append.table for append in self.appends]

    def _pass(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.connections += 1
        connection, passed = self.connections, SimpleQueue[bytes | None]()
        answers: Any = self._channel.stream_stream(_METHOD)(iter(passed.get, None))
        for sent in requests:
            request = AppendRowsRequest.deserialize(sent)
            table = request.write_stream.split("/")[5]
            self.appends.append(Append(connection, table, request))
            if self.is_silent():
                continue
            code = self.rule(request)
            if code and not self.loses:
                context.abort(code, f"{code.name} by the test")
            passed.put(sent)
            try:
                answer = next(answers)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            if code:
                context.abort(code, f"{code.name} by the test")
            yield answer


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, behaviour: Callable) -> None:
        self._handler = grpc.stream_stream_rpc_method_handler(behaviour)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """The one method there is, on bytes as they are."""
        return self._handler if handler_call_details.method == _METHOD else None
