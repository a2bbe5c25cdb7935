"""What changed between two versions of a table's rows? Upserts and retractions."""

import polars as pl

from schemas import tables
from schemas.streamed import identity

IS_DELETED, REVISION = "is_deleted", "revision"
STAMPS = ("processed_at", "schema_version")


def diff_rows(table: str, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Rows that are new or other than before, and the keys of those that are gone.

    `old`, `new`: rows as stored (`present`). Gives the columns of `new` and `is_deleted`; of a
    retracted row only its former values are known.
    """
    if old.is_empty():
        return new.with_columns(pl.lit(False).alias(IS_DELETED))
    # A row that moves to another date (a video view over midnight) is another row of storage.
    key = identity(tables.get(table))
    gone = old.join(new, key, "anti", nulls_equal=True)
    known = _fingerprints(old).implode()
    changed = new.filter(~_fingerprints(new).is_in(known))
    return pl.concat(
        [
            gone.with_columns(pl.lit(True).alias(IS_DELETED)),
            changed.with_columns(pl.lit(False).alias(IS_DELETED)),
        ]
    )


def _fingerprints(rows: pl.DataFrame) -> pl.Series:
    """A number per row that changes with any of its values but the stamps."""
    return rows.drop(STAMPS).hash_rows(seed=0)
