"""What do the tables say? Runs a SQL query on the local warehouse, from the command line."""

import argparse
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
from polars import selectors

from pipelines import print_table
from pipelines.snapshot import Snapshot, WarehouseError, one_line, open_snapshot
from schemas import tables

FORMATS = ("table", "csv", "json")


class QueryError(Exception):
    """A query or an output that does not work; the message is one line."""


def run_query(snapshot: Snapshot, sql: str) -> pl.DataFrame:
    """The rows of a query over schemas silver, gold and ops; no rows for a statement without any.

    Raises QueryError when DuckDB refuses it, or the rows have no table form.
    """
    try:
        relation = snapshot.connect(sql).sql(sql)
        return pl.DataFrame() if relation is None else pl.DataFrame(relation.to_arrow_table())
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise QueryError(f"the query does not work: {one_line(error)}") from None
    except pl.exceptions.PolarsError as error:
        hint = "give every column a name of its own, and cast intervals to VARCHAR"
        raise QueryError(f"the rows cannot be shown: {one_line(error)}: {hint}") from None


def list_tables(snapshot: Snapshot) -> pl.DataFrame:
    """One row per table: its name, rows, partition column and what a row is."""
    rows = [
        {
            "table": table.full_name,
            "rows": snapshot.dataset(table.full_name).count_rows(),
            "partition": table.partition or "",
            "grain": table.grain,
        }
        for table in tables.tables().values()
    ]
    return pl.DataFrame(rows).sort("table")


def render(rows: pl.DataFrame, output_format: str) -> str:
    """The rows as text: `table` for a terminal, `csv` with a header, `json` as a list of objects.

    CSV cannot hold lists and records: they become JSON there.
    """
    if output_format == "csv":
        return _flat(rows).write_csv()
    if output_format == "json":
        return rows.write_json() + "\n"
    return print_table.render(rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; 0 done, 2 with one line when the query or the warehouse does not work."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if bool(options.sql) == options.tables:
        parser.error('give a query in quotes, "SELECT ...", or --tables')
    try:
        snapshot = open_snapshot(options.warehouse)
        rows = list_tables(snapshot) if options.tables else run_query(snapshot, options.sql)
        _put(render(rows, options.format), options.out)
    except (WarehouseError, QueryError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.query", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--warehouse", required=True, help="folder, s3:// or gs:// of the tables")
    parser.add_argument("sql", nargs="?", metavar="SQL", help="a query, in quotes")
    parser.add_argument("--tables", action="store_true", help="list the tables and their rows")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there, not to the terminal")
    return parser


def _put(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise QueryError(f"cannot write {out}: {error.strerror}") from None


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    columns = [
        pl.Series(name, [_json(value) for value in rows[name]], pl.String) for name in nested
    ]
    binary = selectors.binary().bin.encode("base64")
    return rows.with_columns(columns).with_columns(binary)


def _json(value: object) -> str | None:
    if value is None:
        return None
    return print_table.json_text(value)


if __name__ == "__main__":
    sys.exit(main())
