"""How do contributions to gold add up, and how are they taken back?

Contributions are tables of whole numbers and distributions of times: one row per key of their gold
table, columns that are summed. They merge in any order.
"""

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from schemas import tables
from transforms.merge_times import merge_times, negate_times

Frames = dict[str, pl.DataFrame]


def sum_up(name: str, contributions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Contributions to one table as one row per key."""
    keys, lists = tables.get(name).key, cs.list()
    columns = contributions[0].columns
    summed = (
        pl.concat(frame.select(columns) for frame in contributions)
        .group_by(keys)
        .agg((~lists - cs.by_name(keys)).sum(), lists.explode(empty_as_null=False))
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


def drop_zeros(name: str, sums: pl.DataFrame) -> pl.DataFrame:
    """Without the keys to which nothing is added."""
    lists = cs.list()
    numbers = (~lists - cs.by_name(tables.get(name).key)) != 0
    return sums.filter(pl.any_horizontal(numbers, lists.list.len() > 0))
