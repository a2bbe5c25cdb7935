"""Which changes of a table count, and how do its rows look with them?"""

import datetime
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from pipelines.outputs.find_keys import stored_schema
from pipelines.outputs.follow_trends import ReadRows
from pipelines.outputs.keep_among import Among, keep_among
from schemas import tables
from schemas.streamed import FIRST_STAYS, identity
from transforms.diff_rows import IS_DELETED, REVISION


def newest_changes(name: str, changes: pl.DataFrame) -> pl.DataFrame:
    """Of each row of a table the change that counts: that of the largest revision, the last of it.

    Where the first stays (dead letters), the first. Columns as stored, `is_deleted`, `revision`.
    """
    table = tables.get(name)
    types = {**stored_schema(table), IS_DELETED: pl.Boolean(), REVISION: pl.Int64()}
    typed = changes.sort(REVISION, maintain_order=True).select(
        pl.col(column).cast(kind) for column, kind in types.items()
    )
    is_first = name in FIRST_STAYS
    return typed.unique(identity(table), keep="first" if is_first else "last", maintain_order=True)


def as_changes(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows, or changes of rows, of which each occurs once."""
    if IS_DELETED not in frame.columns:
        frame = frame.with_columns(pl.lit(False).alias(IS_DELETED))
    return frame.with_columns(pl.lit(0, pl.Int64).alias(REVISION))


def joined(name: str, first: pl.DataFrame | None, then: pl.DataFrame) -> pl.DataFrame:
    """Changes of a table, the later ones last."""
    frames = [then] if first is None else [first, then]
    return newest_changes(name, pl.concat(frames, how="diagonal_relaxed"))


class LaidOver:
    """Rows as they are stored, with changes (`newest_changes`) laid over them."""

    def __init__(self, read: ReadRows, changes: Mapping[str, pl.DataFrame]) -> None:
        self._read, self._changes = read, changes

    def read(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
    ) -> pl.DataFrame:
        """Rows of some dates or all; among the columns have to be the key and the date."""
        wanted = None if dates is None else set(dates)
        stored = self._read(name, wanted, columns, among)
        changes = self._changes.get(name)
        if changes is None:
            return stored
        if wanted is not None:
            changes = changes.filter(pl.col(str(tables.get(name).partition)).is_in(list(wanted)))
        new = keep_among(changes.filter(~pl.col(IS_DELETED)), among).select(stored.columns)
        others = stored.join(changes, identity(tables.get(name)), "anti", nulls_equal=True)
        return pl.concat([others, new], how="vertical_relaxed")
