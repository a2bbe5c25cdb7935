"""How does a computed table look in storage? Milliseconds become timestamps and seconds."""

import datetime
from functools import lru_cache

import polars as pl

from schemas import tables
from transforms.divide import divide


def present(name: str, frame: pl.DataFrame, processed_at: datetime.datetime) -> pl.DataFrame:
    """The columns of table `name` in their order, stamped.

    A column is taken by its name, else from the column of the same name in milliseconds:
    `dwell_seconds` from `dwell_ms`, `viewed_at` from `viewed_ms`.
    """
    stamps, columns = _stamps(processed_at), tables.get(name).columns
    return frame.select(stamps.get(c.name, _column(c.name, frame)).alias(c.name) for c in columns)


@lru_cache(maxsize=8)
def _stamps(processed_at: datetime.datetime) -> dict[str, pl.Expr]:
    # Polars asks an engine what time a literal is: that takes longer than a small table.
    return {
        "processed_at": pl.lit(processed_at, pl.Datetime("us", "UTC")),
        "schema_version": pl.lit(tables.SCHEMA_VERSION, pl.Int64),
    }


def _column(name: str, frame: pl.DataFrame) -> pl.Expr:
    if name in frame.columns:
        return pl.col(name)
    if name.endswith("_seconds"):
        return divide(pl.col(f"{name.removesuffix('_seconds')}_ms"), 1000)
    milliseconds = pl.col(f"{name.removesuffix('_at')}_ms")
    return (
        milliseconds.cast(pl.Datetime("ms"))
        .dt.replace_time_zone("UTC")
        .cast(pl.Datetime("us", "UTC"))
    )
