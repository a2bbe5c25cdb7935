"""How is the emulator started? By its own Python: `start_emulator.py` and the emulator's flags."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import grpc
from duckdb_extensions import import_extension

_EXTENSIONS = str(Path(sys.prefix) / "extensions")
_REQUEST_BYTES = 10_000_000
"""What BigQuery takes in one request; gRPC alone would take 4 MiB."""
_connect, _server = duckdb.connect, grpc.server


def _connect_here(*arguments, config=None, **named):
    """A connection with the extensions that are installed, and no look for any elsewhere.

    This DuckDB takes a time zone at the start only once an extension is loaded; later it does.
    """
    settings = {**(config or {}), "extension_directory": _EXTENSIONS}
    zone = settings.pop("TimeZone", None)
    connection = _connect(*arguments, config=settings, **named)
    if zone:
        connection.execute(f"SET TimeZone = '{zone}'")
    return connection


def _roomy_server(*arguments, options=(), **named):
    """A server that takes requests as large as BigQuery does."""
    size = ("grpc.max_receive_message_length", _REQUEST_BYTES)
    return _server(*arguments, options=[*options, size], **named)


_RESULTS = "emulator"
"""The catalogue of answers to queries: there are no views and no required columns."""
_LIVE = """FROM {catalog}.ducklake_schema AS place
    JOIN {catalog}.ducklake_{kind} AS thing USING (schema_id)
    {more}
    WHERE place.schema_name = $2 AND place.end_snapshot IS NULL
    AND thing.{kind}_name = $3 AND thing.end_snapshot IS NULL"""
_SIZES = "LEFT JOIN {catalog}.ducklake_table_stats AS sizes USING (table_id)"
_COLUMNS = "JOIN {catalog}.ducklake_column AS field USING (table_id)"
_FASTER = {
    "SELECT table_name, 'TABLE', estimated_size FROM duckdb_tables() ": (
        "SELECT table_name, 'TABLE', coalesce(record_count, 0) "
        + _LIVE.replace("{kind}", "table").replace("{more}", _SIZES)
        + " UNION ALL SELECT view_name, 'VIEW', 0 "
        + _LIVE.replace("{kind}", "view").replace("{more}", "")
    ),
    "SELECT column_name FROM duckdb_columns() ": (
        "SELECT column_name "
        + _LIVE.replace("{kind}", "table").replace("{more}", _COLUMNS)
        + " AND field.end_snapshot IS NULL AND parent_column IS NULL AND NOT nulls_allowed"
    ),
    "SELECT 1 FROM duckdb_columns() ": (
        "SELECT 1 "
        + _LIVE.replace("{kind}", "table").replace("{more}", _COLUMNS)
        + " AND field.end_snapshot IS NULL AND column_name = $4"
    ),
}
"""How a statement of the emulator begins -> one that says the same of one table, by its catalogue.

DuckDB's own functions gather the statistics of all tables first: with 90 tables 0.2 s at each look.
"""


def _look_faster(fetch: Callable[..., list[tuple]], catalogs: set[str]) -> Callable[..., Any]:
    def fetch_faster(sql: str, params: list | None = None) -> list[tuple]:
        text = next((text for begin, text in _FASTER.items() if sql.startswith(begin)), None)
        if text is None or not params or params[2] is None:
            return fetch(sql, params)
        if params[0] == _RESULTS:
            return _look_at(fetch, *params) if "duckdb_tables" in sql else []
        if params[0] not in catalogs:
            return fetch(sql, params)
        catalog = f'"__ducklake_metadata_{params[0]}"'
        # The first parameter is in the name; every parameter given has to be used.
        return fetch(f"{text.replace('{catalog}', catalog)} AND $1 IS NOT NULL", params)

    return fetch_faster


_TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"
_NONE = "SELECT table_name FROM (SELECT '' AS table_name) WHERE FALSE"


class _NewConnection:
    """A connection that was just made has no temporary tables: no need to look at all tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def sql(self, text: str, **named: Any) -> duckdb.DuckDBPyRelation:
        """What the emulator asks it first of all, or anything else."""
        return self._connection.sql(_NONE if text == _TEMPORARY else text, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _execute_faster(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_faster(connection, *arguments, session=None, **named):
        # The connection of a session is an old one.
        used = connection if session else _NewConnection(connection)
        return execute(used, *arguments, session=session, **named)

    return execute_faster


def _look_at(fetch: Callable[..., list[tuple]], *names: str) -> list[tuple]:
    """Name, kind and rows of a table of results, if it is there."""
    name = ".".join(f'"{name}"' for name in names)
    try:
        return [(names[-1], "TABLE", *fetch(f"SELECT COUNT(*) FROM {name}")[0])]
    except duckdb.CatalogException:
        return []


if __name__ == "__main__":
    duckdb.connect, grpc.server = _connect_here, _roomy_server
    with duckdb.connect() as first:
        for name in ("ducklake", "httpfs", "spatial"):
            import_extension(name, con=first)
    from local_bigquery.cli import main
    from local_bigquery.engine import database
    from local_bigquery.jobs import query

    database.fetch = _look_faster(database.fetch, database._attached)
    query.execute = _execute_faster(query.execute)
    sys.exit(main())
