"""Does a run for dates give, in every table, the rows of a run over everything?"""

import datetime
import random
from pathlib import Path

import pytest

from benchmarks.reference import Record, compute
from schemas import tables
from tests.pipelines import term
from tests.pipelines.whole_runs import (
    DAILY,
    assert_as_reference,
    completed,
    contents,
    page_view,
    read,
    write_lines,
)

pytestmark = pytest.mark.usefixtures("pseudonym_key")
DAY = datetime.timedelta(days=1)
Span = tuple[datetime.date, datetime.date]


def _spans(order: str) -> list[Span]:
    """All dates of the term and those around it, in an order; `random`: as spans of 1 to 3 days."""
    dates = [term.FIRST - DAY, *term.DATES, term.DATES[-1] + DAY]
    single = [(date, date) for date in dates]
    if order == "backward":
        return single[::-1]
    chance, spans = random.Random(order), []
    while dates:
        size = chance.randint(1, 3)
        spans.append((dates[0], dates[:size][-1]))
        dates = dates[size:]
    chance.shuffle(spans)
    return spans


def _run_spans(warehouse: Path, source: Path, spans: list[Span], **options: str) -> None:
    for first, last in spans:
        completed(warehouse, source, start_date=first, end_date=last, **options)


def _records(source: Path) -> list[Record]:
    paths = sorted(source.rglob("*.jsonl"))
    return [Record(line) for path in paths for line in path.read_bytes().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "zone"),
    [
        ("backward", "UTC"),
        ("random 1", "America/Los_Angeles"),
        ("random 3", "Pacific/Auckland"),
    ],
)
def test_day_by_day_in_any_order_equals_one_run_over_everything(
    tmp_path: Path, order: str, zone: str
) -> None:
    source = term.write_term(tmp_path / "in")
    completed(tmp_path / "whole", source, reporting_timezone=zone)
    assert_as_reference(tmp_path / "whole", compute(_records(source), {"reporting_timezone": zone}))
    kinds = {row["kind"] for row in read(tmp_path / "whole", "gold.anomalies")}
    assert {"chapter_time_spike", "chapter_time_drop", "over_long_session"} <= kinds
    _run_spans(tmp_path / "days", source, _spans(order), reporting_timezone=zone)
    assert contents(tmp_path / "days") == contents(tmp_path / "whole")


def test_a_day_run_again_over_its_neighbours_changes_nothing(tmp_path: Path) -> None:
    source, warehouse = term.write_term(tmp_path / "in"), tmp_path / "warehouse"
    completed(warehouse, source)
    before = contents(warehouse)
    row = completed(warehouse, source, start_date=term.DATES[4], end_date=term.DATES[5])
    assert contents(warehouse) == before
    assert row["out_of_range"] > 0
    assert row["events"] + row["out_of_range"] < len(_records(source))


def test_a_date_that_became_empty_is_emptied_in_every_table(tmp_path: Path) -> None:
    gone, warehouse = term.DATES[5], tmp_path / "warehouse"
    completed(warehouse, term.lessons_only(tmp_path / "before"))
    after = term.lessons_only(tmp_path / "after", without=gone)
    completed(warehouse, after, start_date=gone, end_date=gone)
    for name in DAILY:
        column = tables.get(name.partition(".")[2]).partition
        assert gone not in {row[column] for row in read(warehouse, name)}, name
    completed(tmp_path / "clean", after)
    assert contents(warehouse) == contents(tmp_path / "clean")


def test_dates_without_any_folder_are_emptied_too(tmp_path: Path) -> None:
    source, warehouse = term.lessons_only(tmp_path / "in"), tmp_path / "warehouse"
    completed(warehouse, source)
    elsewhere = write_lines(tmp_path / "other" / "date=2024-01-01" / "x.jsonl", [page_view()])
    completed(warehouse, elsewhere, start_date=term.DATES[0], end_date=term.DATES[-1])
    assert not any(rows for rows in contents(warehouse).values())


def test_a_session_longer_than_a_day_is_cut_the_same_from_every_date(tmp_path: Path) -> None:
    source = term.write_term(tmp_path / "in")
    completed(tmp_path / "whole", source)
    wanted = contents(tmp_path / "whole", ["silver.sessions", "silver.page_views"])
    ended = {row["end_reason"] for row in read(tmp_path / "whole", "silver.sessions")}
    assert "max_length" in ended
    _run_spans(tmp_path / "days", source, [(d, d) for d in term.DATES[3:6]])
    days = {f"datetime.date({d.year}, {d.month}, {d.day})" for d in term.DATES[3:6]}
    for name, rows in contents(tmp_path / "days", wanted).items():
        column = tables.get(name.partition(".")[2]).partition
        assert rows == [r for r in wanted[name] if any(f"'{column}': {d}" in r for d in days)]
