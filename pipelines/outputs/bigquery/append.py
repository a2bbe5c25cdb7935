"""How do rows get into BigQuery at once? By its Storage Write API, on a few connections."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

import google.auth.exceptions
import grpc
import polars as pl
import pyarrow as pa
from google.api_core import exceptions as api
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest, AppendRowsResponse

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.connect import no_credentials, refusals
from schemas import arrow
from schemas.tables import Table

EMULATOR = "BIGQUERY_STORAGE_EMULATOR_HOST"
"""HOST:PORT of an emulator's gRPC; beside BIGQUERY_EMULATOR_HOST, which names its REST."""
REQUEST_BYTES = 4 << 20
"""A request takes 10 MB. Rows differ in size: those of a batch may be more than twice the mean."""
ANSWER_SECONDS = 60.0
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Before each further try; after the last one the caller has to try again."""
_PASSING = (api.ServerError, api.Aborted, api.Cancelled, api.TooManyRequests)

Sleep = Callable[[float], object]


class Appender:
    """Appends to the tables of a warehouse, several at once if it is called by several threads.

    Connections stay open, as many as were needed at once. Those that break are made anew.
    """

    def __init__(self, address: Address, pause: Sleep = time.sleep) -> None:
        self._address, self._pause = address, pause
        self._client = write_client(address.project)
        self._idle: SimpleQueue[_Connection] = SimpleQueue()

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Add rows, with the columns of the table, and wait until BigQuery has them.

        At least once: when an answer is lost they are sent again. Raises WarehouseError (missing
        table, other columns, no permission) or BigQueryError.
        """
        if rows.is_empty():
            return
        stream = _default_stream(self._address.table(table.full_name))
        batches = batches_of(as_stored(table, rows))
        with refusals(self._address, f"append to {table.full_name}"):
            self._send_again_and_again(stream, batches)

    def close(self) -> None:
        """End all connections."""
        while (connection := self._find_idle()) is not None:
            connection.close()

    def _send_again_and_again(self, stream: str, batches: list[pa.RecordBatch]) -> None:
        for pause in PAUSES:
            try:
                return self._send(stream, batches)
            except _PASSING:
                self._pause(pause)
        return self._send(stream, batches)

    def _send(self, stream: str, batches: list[pa.RecordBatch]) -> None:
        """Send what is left of `batches`, which is taken out of the list as it is acknowledged."""
        connection = self._find_idle() or _Connection(self._client, stream)
        try:
            for _ in connection.send(stream, batches):
                batches.pop(0)
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _find_idle(self) -> "_Connection | None":
        try:
            return self._idle.get_nowait()
        except Empty:
            return None


class _Connection:
    """An open call of AppendRows. Requests go out at once; answers come in their order.

    It takes rows of any table: each request says of which, and what the columns are.
    """

    def __init__(self, client: BigQueryWriteClient, stream: str) -> None:
        self._requests: SimpleQueue[AppendRowsRequest | None] = SimpleQueue()
        # Not by the client's own method: that waits for an answer, and tries again for a day.
        call: Any = client.transport.append_rows
        self._answers = call(
            iter(self._requests.get, None),
            # It leads to the region of the table, which is that of all tables.
            metadata=(("x-goog-request-params", f"write_stream={stream}"),),
        )

    def send(self, stream: str, batches: Sequence[pa.RecordBatch]) -> Iterator[None]:
        """Send all batches; something for each that is acknowledged."""
        requests = [_request(stream, batch) for batch in batches]
        for request in requests:
            self._requests.put(request)
        for _ in requests:
            with _cancelled_after(self._answers, ANSWER_SECONDS):
                _check(self._next())
            yield

    def close(self) -> None:
        """End the call."""
        self._requests.put(None)
        self._answers.cancel()

    def _next(self) -> AppendRowsResponse:
        try:
            return next(self._answers)
        except grpc.RpcError as error:
            raise api.from_grpc_error(error) from None
        except StopIteration:
            raise api.ServiceUnavailable("the connection was closed") from None


def write_client(project: str) -> BigQueryWriteClient:
    """A client, one for each process and endpoint. Raises WarehouseError without credentials."""
    return _connect(project, os.environ.get(EMULATOR))


@cache
def _connect(project: str, emulator: str | None) -> BigQueryWriteClient:
    try:
        if not emulator:
            return BigQueryWriteClient()
        channel = grpc.insecure_channel(emulator)
        return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    except google.auth.exceptions.DefaultCredentialsError:
        raise no_credentials(project) from None


def as_stored(table: Table, rows: pl.DataFrame) -> pa.Table:
    """Rows as Arrow, with the columns of a table in their order. A list that is null is empty."""
    schema = arrow.schema_of(table.columns)
    lists = [field.name for field in schema if pa.types.is_list(field.type)]
    typed = pl.DataFrame(schema.empty_table()).schema
    named = rows.select(pl.col(name).cast(of) for name, of in typed.items())
    full = named.with_columns(pl.col(lists).fill_null([])) if lists else named
    return full.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)


def batches_of(rows: pa.Table) -> list[pa.RecordBatch]:
    """Rows in parts that fit into a request, as far as rows do."""
    count = max(1, rows.num_rows * REQUEST_BYTES // max(1, rows.nbytes))
    batches = rows.combine_chunks().to_batches(max_chunksize=count)
    return [part for batch in batches for part in _halved(batch)]


def _halved(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows == 1 or batch.nbytes <= 2 * REQUEST_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _halved(batch.slice(0, half))
    yield from _halved(batch.slice(half))


def _request(stream: str, batch: pa.RecordBatch) -> AppendRowsRequest:
    request = AppendRowsRequest(write_stream=stream)
    request.arrow_rows.writer_schema.serialized_schema = batch.schema.serialize().to_pybytes()
    request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
    return request


def _default_stream(table: str) -> str:
    project, dataset, name = table.split(".")
    return f"projects/{project}/datasets/{dataset}/tables/{name}/streams/_default"


def _check(answer: AppendRowsResponse) -> None:
    """Raise what an answer says of a request, and of the first row that is wrong."""
    if not answer.error.code:
        return
    rows = [row.message for row in answer.row_errors[:1]]
    raise api.from_grpc_status(answer.error.code, ": ".join([answer.error.message, *rows]))


@contextmanager
def _cancelled_after(call: Any, seconds: float) -> Iterator[None]:
    """Nobody else ends the wait for an answer that does not come."""
    timer = threading.Timer(seconds, call.cancel)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
