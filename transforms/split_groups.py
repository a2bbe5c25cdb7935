"""Which sums of gold are kept together? Those of a table and date, large ones in several parts."""

import datetime
from collections.abc import Iterator

import polars as pl
import xxhash

from transforms.sum_up import Frames

SLOTS = {"chapter_engagement": 8, "chapter_hourly_activity": 8}
"""Tables of many, or large, sums are kept in so many parts of a date, the others in one."""

Group = tuple[str, datetime.date, int]
"""Gold table, date and slot: the sums that are kept together."""


def split_groups(contributions: Frames) -> Iterator[tuple[Group, pl.DataFrame]]:
    """Contributions by the groups whose sums they change."""
    for table, frame in contributions.items():
        placed = frame.with_columns(_slots(table, frame))
        parts = placed.partition_by("date", "_slot", as_dict=True, include_key=True)
        for (date, slot), part in parts.items():
            yield (table, date, slot), part.drop("_slot")


def _slots(table: str, frame: pl.DataFrame) -> pl.Series:
    """A stable number below the table's SLOTS for each row; rows of one gold row share it."""
    count = SLOTS.get(table, 1)
    if count == 1:
        return pl.Series("_slot", [0]).new_from_index(0, frame.height)
    names = pl.concat_str(
        [pl.col(column).fill_null("\0") for column in ("course_id", "chapter_id")], separator="\1"
    )
    texts = frame.select(names).to_series()
    known = {text: xxhash.xxh3_64_intdigest(text.encode()) % count for text in texts.unique()}
    return pl.Series("_slot", [known[text] for text in texts], pl.Int64)


def name_of(group: Group) -> str:
    """A group as a key of state: `table|date|slot`."""
    table, date, slot = group
    return f"{table}|{date}|{slot}"


def group_of(name: str) -> Group:
    """The group that `name_of` was given."""
    table, date, slot = name.split("|")
    return table, datetime.date.fromisoformat(date), int(slot)
