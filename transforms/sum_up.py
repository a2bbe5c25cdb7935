"""How do contributions to gold add up, and how are they taken back?

Contributions are tables of whole numbers and distributions of times: one row per key of their gold
table, columns that are summed. They merge in any order. Some have only some of the columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import polars.selectors as cs

from schemas import tables
from transforms.merge_times import merge_times, negate_times

Frames = dict[str, pl.DataFrame]


@dataclass
class Computed:
    """`rows`: of tables, by their names. `contributions`: to gold, a frame for each table."""

    rows: Frames
    contributions: Frames


def sum_up(name: str, contributions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Contributions to one table as one row per key."""
    keys, lists = tables.get(name).key, cs.list()
    summed = (
        pl.concat(contributions, how="diagonal")
        .group_by(keys)
        .agg(
            (~lists - cs.by_name(keys)).sum(),
            lists.explode(empty_as_null=False, keep_nulls=False),
        )
    )
    return summed.with_columns(merge_times(column) for column in summed.select(lists))


def subtract(name: str, new: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """What must be added to `old` contributions to make `new` ones; only what is not zero."""
    return drop_zeros(name, sum_up(name, [new, take_back(name, old)]))


def take_back(name: str, contributions: pl.DataFrame) -> pl.DataFrame:
    """Contributions that undo others."""
    keys, lists = tables.get(name).key, cs.list()
    # Polars does not negate whole numbers of 128 bits; it multiplies them.
    return contributions.with_columns(
        (~lists - cs.by_name(keys)) * -1, *map(negate_times, contributions.select(lists))
    )


def drop_zeros(name: str, sums: pl.DataFrame, besides: Sequence[str] = ()) -> pl.DataFrame:
    """Without the keys to which nothing is added, `besides` some columns."""
    lists = cs.list()
    numbers = (~lists - cs.by_name(*tables.get(name).key, *besides)) != 0
    return sums.filter(pl.any_horizontal(numbers, lists.list.len() > 0))
