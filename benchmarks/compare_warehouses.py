"""Do two warehouses hold the same rows? `python -m benchmarks.compare_warehouses ONE OTHER`."""

import argparse
import sys
from collections.abc import Sequence

import polars as pl

from pipelines.outputs.bigquery.address import is_bigquery
from pipelines.readers.query_bigquery import Reader, open_reader
from pipelines.readers.snapshot import Snapshot, open_snapshot
from schemas import tables

STAMPS = ("processed_at", "schema_version")
RELATIVE_TOLERANCE = 1e-9

Tables = Snapshot | Reader


def compared_tables() -> list[tables.Table]:
    """Silver, daily gold and anomalies: what streaming and batch write alike."""
    return [
        table
        for table in tables.tables().values()
        if table.layer == "silver" or (table.layer == "gold" and table.partition == "date")
        if table.name != "alerts"
    ]


def differences(one: Tables, other: Tables) -> list[str]:
    """What differs, a line per table and kind; empty when nothing does.

    Doubles agree to a relative 1e-9, everything else exactly.
    """
    return [text for table in compared_tables() for text in _compare(table, one, other)]


def _compare(table: tables.Table, one: Tables, other: Tables) -> list[str]:
    left, right = (snapshot.polars(table.full_name).drop(STAMPS) for snapshot in (one, other))
    key = list(table.key)
    only_left = left.join(right, key, "anti", nulls_equal=True).height
    only_right = right.join(left, key, "anti", nulls_equal=True).height
    both = left.join(right, key, nulls_equal=True, suffix="_other")
    found = [f"{table.full_name}: {n} rows only in the {which}"
             for n, which in ((only_left, "first"), (only_right, "second")) if n]  # fmt: skip
    if left.height != left.unique(key).height or right.height != right.unique(key).height:
        found.append(f"{table.full_name}: a key occurs twice")
    for column in set(left.columns) - set(key):
        if number := both.filter(~_is_same(left.schema[column], column)).height:
            found.append(f"{table.full_name}: {column} differs in {number} of {both.height} rows")
    return found


def _is_same(kind: pl.DataType, column: str) -> pl.Expr:
    one, other = pl.col(column), pl.col(f"{column}_other")
    same = one.eq_missing(other)
    if kind.is_float():
        near = (one - other).abs() <= RELATIVE_TOLERANCE * pl.max_horizontal(one.abs(), other.abs())
        same = same | near.fill_null(False)
    return same


def _open(warehouse: str) -> Tables:
    return open_reader(warehouse) if is_bigquery(warehouse) else open_snapshot(warehouse)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what differs; 1 when something does."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare_warehouses", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("one", help="folder of a warehouse, or bq://project.prefix")
    parser.add_argument("other", help="folder or address of another")
    chosen = parser.parse_args(arguments)
    one, other = _open(chosen.one), _open(chosen.other)
    found = differences(one, other)
    print("\n".join(found) or "the same rows in every table")
    for table in compared_tables():
        print(f"  {table.full_name:<32}{one.polars(table.full_name).height:>12,}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
