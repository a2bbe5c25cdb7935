"""Are the answers right, and the quantiles exact over any number of days?"""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import small_lake

from pipelines import answers
from pipelines.snapshot import open_snapshot


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake.school(tmp_path_factory.mktemp("lake"))


def visits(lake: Path) -> pl.DataFrame:
    """One row per visit: course_id, chapter_id, seconds."""
    days = open_snapshot(lake).polars("gold.chapter_engagement")
    kept = days.select("course_id", "chapter_id", "time_distribution")
    single = kept.explode("time_distribution").unnest("time_distribution")
    return single.select("course_id", "chapter_id", (pl.col("time_ms") / 1000).alias("seconds"))


def test_quantiles_are_those_of_all_visits(lake: Path) -> None:
    rows = answers.answer(open_snapshot(lake).connect(), "time_distribution")
    names = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
    biology = rows.filter(pl.col("course") == "biology")
    assert biology["chapter"].sort().to_list() == ["b1", "b2", "rare"]
    for row in biology.to_dicts():
        seconds = visits(lake).filter(pl.col("chapter_id") == row["chapter"])["seconds"]
        assert row["n"] == len(seconds)
        assert row["average"] == pytest.approx(seconds.mean() / 60, rel=1e-9)
        for name, share in names.items():
            expected = seconds.quantile(share, "linear")
            assert row[name] == pytest.approx(expected / 60, rel=1e-9), name


def test_median_of_a_course_is_over_all_its_visits(lake: Path) -> None:
    rows = answers.answer(open_snapshot(lake).connect(), "courses")
    (row,) = rows.filter(pl.col("course") == "Algebra <I>").to_dicts()
    seconds = visits(lake).filter(pl.col("course_id") == "algebra")["seconds"]
    assert row["median_minutes"] == pytest.approx(seconds.median() / 60, rel=1e-9)
    assert row["n"] == len(seconds)
    assert row["hours"] == pytest.approx(seconds.sum() / 3600, rel=1e-9)


def test_titles_stand_for_ids_where_the_catalogue_has_them(lake: Path) -> None:
    rows = answers.answer(open_snapshot(lake).connect(), "time_per_chapter")
    assert Counter(rows["course"]) == {"Algebra <I>": 3, "biology": 3}
    assert "Chapter 1: sets & <b>sums</b>" in rows["chapter"].to_list()


def test_hardest_question_comes_first(lake: Path) -> None:
    rows = answers.answer(open_snapshot(lake).connect(), "wrong_answers")
    first = rows.row(0, named=True)
    assert (first["question"], first["n"], first["wrong"]) == ("q0", 70, 70)
    assert first["difficulty"] == pytest.approx(71 / 72)


@pytest.mark.parametrize("name", answers.QUESTIONS)
def test_every_question_works_on_an_empty_warehouse(name: str, tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs"])
    connection = open_snapshot(tmp_path).connect(answers.QUESTIONS[name].sql)
    rows = answers.answer(connection, name)
    assert rows.is_empty()
    assert set(answers.QUESTIONS[name].printed) <= set(rows.columns)


def test_answers_are_printed_with_their_titles(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.print_answers(open_snapshot(lake).connect())
    out = capsys.readouterr().out
    assert all(question.title in out for question in answers.QUESTIONS.values())
    assert "biology" in out
    assert "rare" not in out
