"""How is the emulator started? By its own Python: `start_emulator.py` and the emulator's flags."""

import sys
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

_EXTENSIONS = str(Path(sys.prefix) / "extensions")
_connect = duckdb.connect


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


if __name__ == "__main__":
    duckdb.connect = _connect_here
    with duckdb.connect() as first:
        for name in ("ducklake", "httpfs", "spatial"):
            import_extension(name, con=first)
    from local_bigquery.cli import main

    sys.exit(main())
