"""Which change of a row counts, and how do rows look with changes laid over them?"""

import datetime
from collections.abc import Iterable, Sequence

import polars as pl

from pipelines.outputs.keep_among import Among, keep_among
from pipelines.outputs.lay_changes import LaidOver, as_changes, joined, newest_changes
from tests.pipelines.stream_lake import DAY, changes, chapter, event

_NEXT = DAY + datetime.timedelta(days=1)


def _stored(*rows: dict) -> pl.DataFrame:
    return changes("chapter_engagement", *rows).drop("is_deleted", "revision")


class _Table:
    """Stored chapter-days; notes which dates were asked for."""

    def __init__(self, *rows: dict) -> None:
        self.rows, self.asked = _stored(*rows), list[object]()

    def read(
        self,
        name: str,
        dates: Iterable[datetime.date] | None = None,
        columns: Sequence[str] | None = None,
        among: Among | None = None,
    ) -> pl.DataFrame:
        self.asked.append(dates)
        found = self.rows.filter(pl.col("date").is_in(list(dates))) if dates else self.rows
        return keep_among(found, among).select(columns or found.columns)


def test_of_the_changes_of_a_row_the_largest_revision_counts_and_of_equal_ones_the_last() -> None:
    given = [event("e", lesson_id=n, revision=r) for n, r in (("a", 2), ("b", 2), ("c", 1))]
    kept = newest_changes("events", changes("events", *given, event("other")))
    assert sorted(kept.select("event_id", "lesson_id").rows()) == [("e", "b"), ("other", None)]


def test_a_row_of_another_date_is_another_row() -> None:
    given = [event("e", date=DAY, is_deleted=True, revision=2), event("e", date=_NEXT, revision=1)]
    kept = newest_changes("events", changes("events", *given))
    assert dict(kept.select("event_date", "is_deleted").rows()) == {DAY: True, _NEXT: False}


def test_of_dead_letters_the_first_counts() -> None:
    given = [{"dead_letter_id": "d", "failed_date": day, "revision": 1} for day in (DAY, _NEXT)]
    kept = newest_changes("dead_letters", changes("dead_letters", *given))
    assert kept["failed_date"].to_list() == [DAY]


def test_changes_joined_are_one_of_each_row_the_later_ones() -> None:
    first = as_changes(_stored(chapter("c", "1", 1), chapter("c", "2", 1)))
    then = as_changes(_stored(chapter("c", "2", 2), chapter(None, "2", 3)))
    both = joined("chapter_engagement", first, then)
    assert sorted(both["visits_count"]) == [1, 2, 3]
    assert joined("chapter_engagement", None, then).height == 2


def test_rows_are_seen_with_the_changes_of_the_round() -> None:
    table = _Table(chapter("c", "1", 1), chapter("c", "2", 1), chapter(None, "3", 1))
    made = changes(
        "chapter_engagement",
        chapter("c", "1", 10),
        chapter(None, "3", 1, is_deleted=True),
        chapter("c", "4", 40),
        chapter("c", "9", 90, date=_NEXT),
    )
    over = LaidOver(table.read, {"chapter_engagement": newest_changes("chapter_engagement", made)})
    columns = ["date", "course_id", "chapter_id", "visits_count"]
    seen = over.read("chapter_engagement", [DAY], columns)
    assert seen.columns == columns
    assert dict(seen.select("chapter_id", "visits_count").rows()) == {"1": 10, "2": 1, "4": 40}
    assert over.read("chapter_engagement").height == 4
    wanted = over.read("chapter_engagement", [DAY], columns, {"chapter_id": ["2", "3", "4"]})
    assert sorted(wanted["chapter_id"]) == ["2", "4"]


def test_a_table_without_changes_is_as_it_is_stored() -> None:
    table = _Table(chapter("c", "1", 1))
    assert LaidOver(table.read, {}).read("chapter_engagement", [DAY]).equals(table.rows)
    assert table.asked == [{DAY}]
