"""What do the tables say? Answers a question of `sql/queries`, or runs a SQL query, as text."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
from polars import selectors

from pipelines.options.flags import UsageError
from pipelines.outputs.bigquery.address import is_bigquery
from pipelines.outputs.bigquery.connect import BigQueryError
from pipelines.readers import print_table, queries, query_bigquery
from pipelines.readers.snapshot import Snapshot, WarehouseError, one_line, open_snapshot
from schemas import tables

FORMATS = ("table", "csv", "json")
_WIDEST_QUESTION = 100


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


def list_queries() -> pl.DataFrame:
    """One row per question of `sql/queries`: its number, name and words."""
    found = queries.load_queries().values()
    rows = [{"number": q.number, "name": q.name, "question": q.question} for q in found]
    return pl.DataFrame(rows)


def run_named(snapshot: Snapshot, wanted: str, given: Mapping[str, str]) -> pl.DataFrame:
    """The answer to the question of that name or number; `given`: parameters as texts, by name.

    Raises WarehouseError for a question or parameter that there is not, QueryError when DuckDB
    fails.
    """
    query = queries.find(queries.load_queries(), wanted)
    try:
        return queries.answer(queries.connect(snapshot, [query]), query, given)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise QueryError(f"{query.name} cannot be answered: {one_line(error)}") from None


def render(rows: pl.DataFrame, output_format: str, widest: int = print_table.WIDEST_CELL) -> str:
    """The rows as text: `table` for a terminal, `csv` with a header, `json` as a list of objects.

    CSV cannot hold lists and records: they become JSON there. `widest`: characters of a cell of a
    table, longer ones are cut.
    """
    if output_format == "csv":
        return _flat(rows).write_csv()
    if output_format == "json":
        return rows.write_json() + "\n"
    return print_table.render(rows, widest=widest)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; 0 done, 2 with one line when the query or the warehouse does not work."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if sum(map(bool, (options.sql, options.tables, options.list, options.run))) != 1:
        parser.error('give one of: a query in quotes, "SELECT ...", --tables, --list, --run=NAME')
    if options.param and not options.run:
        parser.error("--param is for --run=NAME")
    try:
        _put(_answer(options), options.out)
    except (WarehouseError, QueryError, UsageError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.query", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--warehouse",
        required=True,
        help="folder, s3:// or gs:// of the tables, or bq://project.prefix",
    )
    parser.add_argument("sql", nargs="?", metavar="SQL", help="a query, in quotes")
    parser.add_argument("--tables", action="store_true", help="list the tables and their rows")
    parser.add_argument("--list", action="store_true", help="list the questions of sql/queries")
    parser.add_argument("--run", metavar="NAME", help="answer the question of that name or number")
    parser.add_argument(
        "--param",
        action="append",
        metavar="NAME=VALUE",
        help=f"of the question, can be repeated: {', '.join(queries.PARAMETERS)}",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there, not to the terminal")
    return parser


def _answer(options: argparse.Namespace) -> str:
    if options.list:
        return render(list_queries(), options.format, widest=_WIDEST_QUESTION)
    if is_bigquery(options.warehouse):
        return render(_answer_there(options), options.format)
    snapshot = open_snapshot(options.warehouse)
    if options.run:
        rows = run_named(snapshot, options.run, _parameters(options.param or ()))
    else:
        rows = list_tables(snapshot) if options.tables else run_query(snapshot, options.sql)
    return render(rows, options.format)


def _answer_there(options: argparse.Namespace) -> pl.DataFrame:
    there = query_bigquery.open_reader(options.warehouse)
    try:
        if options.run:
            given = _parameters(options.param or ())
            return query_bigquery.run_named(there, options.run, given)
        return there.list_tables() if options.tables else there.run(options.sql)
    except BigQueryError as error:
        raise QueryError(f"the query does not work: {error}") from None


def _parameters(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise QueryError(f"--param is NAME=VALUE, not {wrong[0]}")
    return {name: value for name, _, value in pairs}


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
