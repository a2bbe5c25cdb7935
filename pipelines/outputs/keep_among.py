"""Which rows have the texts that are wanted? Said alike to every warehouse that is read."""

from collections.abc import Collection, Mapping

import polars as pl

Among = Mapping[str, Collection[str]]
"""Texts that are wanted, by column: rows with others are not."""


def keep_among(rows: pl.DataFrame, among: Among | None) -> pl.DataFrame:
    """The rows with such texts in each of the columns; None: all."""
    for name, texts in (among or {}).items():
        rows = rows.filter(pl.col(name).is_in(sorted(texts)))
    return rows
