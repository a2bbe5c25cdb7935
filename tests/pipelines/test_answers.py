"""Are the answers those of the warehouse, and what is shown of them in a terminal?"""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import small_lake

from pipelines.readers import answers, queries
from pipelines.readers.snapshot import open_snapshot

QUERIES = queries.load_queries()


@pytest.fixture(scope="module")
def lake(small_school: Path) -> Path:
    return small_school


def answer(lake: Path, name: str, **given: str) -> pl.DataFrame:
    connection = queries.connect(open_snapshot(lake), [QUERIES[name]])
    return queries.answer(connection, QUERIES[name], given)


def test_titles_stand_for_ids_where_the_catalogue_has_them(lake: Path) -> None:
    rows = answer(lake, "time_per_chapter")
    assert Counter(rows["course"]) == {"Algebra <I>": 3, "biology": 3}
    assert "Chapter 1: sets & <b>sums</b>" in rows["chapter"].to_list()


def test_all_days_are_meant_unless_others_are_given(lake: Path) -> None:
    (row,) = answer(lake, "headline").to_dicts()
    assert (row["first_date"], row["last_date"]) == (small_lake.DAYS[0], small_lake.DAYS[-1])
    (row,) = answer(lake, "headline", as_of_date="2025-11-05").to_dicts()
    assert (row["first_date"], row["last_date"]) == (small_lake.DAYS[0], small_lake.DAYS[2])
    (row,) = answer(lake, "headline", start_date="2025-11-05", end_date="2025-11-06").to_dicts()
    assert (row["first_date"], row["last_date"]) == (small_lake.DAYS[2], small_lake.DAYS[3])


def test_days_before_the_first_give_no_rows(lake: Path) -> None:
    assert answer(lake, "headline", as_of_date="2025-11-01").is_empty()
    assert answer(lake, "streaks", as_of_date="2025-11-01").is_empty()


@pytest.mark.parametrize("name", QUERIES)
def test_every_question_works_on_an_empty_warehouse(name: str, tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs"])
    rows = answer(tmp_path, name)
    assert rows.is_empty()
    assert rows.columns == [column.name for column in QUERIES[name].columns]


def test_only_the_tables_of_a_question_are_opened(lake: Path) -> None:
    connection = queries.connect(open_snapshot(lake), [QUERIES["streaks"]])
    views = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'gold'"
    opened = {name for (name,) in connection.sql(views).fetchall()}
    assert opened == {"platform_daily", "session_daily_stats"}


def test_answers_are_printed_below_their_questions(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.print_answers(open_snapshot(lake))
    out = capsys.readouterr().out
    assert all(f"{query.number}. {query.question}\n" in out for query in QUERIES.values())
    assert "biology" in out
    assert "rare" not in out


def test_small_groups_are_left_out_but_no_student() -> None:
    few = pl.DataFrame({"chapter": ["a", "b"], "n": [4, 5]})
    assert answers.large_enough(few)["chapter"].to_list() == ["b"]
    assert answers.large_enough(few.rename({"chapter": "student_hash"})).height == 2
