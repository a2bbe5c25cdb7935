"""How do contributions to gold add up, and how are they taken back?

Contributions are tables of whole numbers and distributions of times: one row per key, columns that
are summed. They merge in any order.
"""

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from transforms.merge_times import merge_times, negate_times

KEYS: dict[str, tuple[str, ...]] = {
    "chapter_engagement": ("date", "course_id", "chapter_id"),
    "chapter_hourly_activity": ("date", "hour", "course_id", "chapter_id", "class_id"),
    "question_attempts_summary": ("date", "quiz_id", "question_id"),
    "video_engagement": ("date", "course_id", "video_id"),
    "device_daily": ("date", "device_type"),
    "geo_daily": ("date", "country_code", "region"),
    "platform_daily": ("date",),
}
"""By gold table: the columns that identify a row of contributions to it; all others are sums."""

Frames = dict[str, pl.DataFrame]


def sum_up(name: str, contributions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Contributions to one table as one row per key."""
    keys, lists = KEYS[name], cs.list()
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
    lists = cs.list()
    # Polars does not negate whole numbers of 128 bits; it multiplies them.
    return contributions.with_columns(
        (~lists - cs.by_name(KEYS[name])) * -1, *map(negate_times, contributions.select(lists))
    )


def drop_zeros(name: str, sums: pl.DataFrame) -> pl.DataFrame:
    """Without the keys to which nothing is added."""
    lists = cs.list()
    numbers = (~lists - cs.by_name(KEYS[name])) != 0
    return sums.filter(pl.any_horizontal(numbers, lists.list.len() > 0))
