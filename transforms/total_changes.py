"""Which gold rows change when contributions do? Sums are kept, and their rows compared."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
import xxhash

from schemas import tables
from transforms.contribute import TABLE_OF, Frames, sum_up
from transforms.detect_chapters import detect_low_engagement
from transforms.diff_rows import REVISION, diff_rows
from transforms.present import present
from transforms.revise import drop_zeros
from transforms.total_days import total_days

SLOTS = {"chapter_engagement": 32, "chapter_hourly_activity": 8}
"""Tables of many, or large, sums are kept in so many parts of a date, the others in one."""

Group = tuple[str, datetime.date, int]
"""Gold table, date and slot: the sums that are kept together."""

_CHAPTERS = "chapter_engagement"


@dataclass
class Sums:
    """Sums of a group so far: a frame per name of contributions; `revision` grows."""

    frames: Frames = field(default_factory=dict)
    revision: int = 0


def split_groups(contributions: Frames) -> Iterator[tuple[Group, Frames]]:
    """Contributions by the groups whose sums they change."""
    groups: dict[Group, Frames] = {}
    for name, frame in contributions.items():
        table = TABLE_OF.get(name, name)
        placed = frame.with_columns(_slots(table, frame))
        for (date, slot), part in placed.partition_by(
            "date", "_slot", as_dict=True, maintain_order=False
        ).items():
            groups.setdefault((table, date, slot), {})[name] = part.drop("_slot")
    yield from groups.items()


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


def total_changes(
    table: str,
    sums: Sums,
    added: Frames,
    expected: pl.DataFrame,
    processed_at: datetime.datetime,
) -> tuple[Sums, Frames]:
    """Sums with signed contributions added, and the rows that change by it, by table.

    `expected`: expected times of chapters, for the anomalies of chapter-days (`detect_chapters`).
    """
    frames = dict(sums.frames)
    for name, frame in added.items():
        parts = [frames[name], frame.select(frames[name].columns)] if name in frames else [frame]
        frames[name] = drop_zeros(name, sum_up(name, parts))
    revision = sums.revision + 1
    touched = _touched(table, added)
    old, new = (_rows(table, _only(f, touched), expected, processed_at)
                for f in (sums.frames, frames))  # fmt: skip
    changes = {
        name: diff_rows(name, old.get(name, rows.clear()), rows).with_columns(
            pl.lit(revision, pl.Int64).alias(REVISION)
        )
        for name, rows in new.items()
    }
    kept = {name: frame for name, frame in changes.items() if not frame.is_empty()}
    return Sums(frames, revision), kept


def _touched(table: str, added: Frames) -> pl.DataFrame:
    key = list(tables.get(table).key)
    return pl.concat([frame.select(key) for frame in added.values()]).unique()


def _only(frames: Frames, keys: pl.DataFrame) -> Frames:
    """The sums of some rows of the table."""
    return {
        name: frame.join(keys, keys.columns, "semi", nulls_equal=True)
        for name, frame in frames.items()
    }


def _rows(
    table: str, sums: Frames, expected: pl.DataFrame, processed_at: datetime.datetime
) -> Frames:
    """Rows as stored: the table's, and the anomalies that they show."""
    if table not in sums:
        return {}
    totals = total_days(table, sums)
    rows = {table: present(table, totals, processed_at)}
    if table == _CHAPTERS:
        found = detect_low_engagement(rows[table], expected)
        rows["anomalies"] = present("anomalies", found, processed_at)
    return rows
