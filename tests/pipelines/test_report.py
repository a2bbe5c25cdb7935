"""Is the report one honest, safe page that needs nothing from elsewhere?"""

import datetime
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import small_lake

from pipelines import report
from pipelines.readers import report_charts, report_page
from pipelines.readers.queries import load_queries
from pipelines.readers.snapshot import open_snapshot

QUERIES = load_queries()
NOW = datetime.datetime(2025, 11, 20, 8, tzinfo=datetime.UTC)
DATA = re.compile(r'<script type="application/json" id="figures">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def page(small_school: Path) -> str:
    return report.render(open_snapshot(small_school), NOW)


def figures(page: str) -> dict[str, Any]:
    found = DATA.search(page)
    assert found
    return json.loads(found.group(1))


def without_library(page: str) -> str:
    """The page without plotly.js, which names addresses that it only visits for maps."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)


def labels(figure: dict[str, Any]) -> list[str]:
    return figure["layout"]["yaxis"]["ticktext"]


def test_page_answers_every_question_with_a_chart(page: str) -> None:
    drawn = {place.rpartition("-")[0].replace("-", "_") for place in figures(page)}
    assert drawn == set(report.SECTIONS)
    assert all(html.escape(QUERIES[name].question) in page for name in report.SECTIONS)
    assert all(f'id="{place}"' in page for place in figures(page))
    assert "No data for this question" not in page


def test_page_loads_nothing_from_elsewhere_and_the_library_once(page: str) -> None:
    own = without_library(page)
    assert len(own) < len(page) / 10
    assert not re.search(r"https?://|<link|@import|\bsrc=", own)
    assert page.count("plotly.js v") == 1


def test_headline_numbers_are_of_all_days(page: str) -> None:
    assert "2025-11-03 to 2025-11-16" in page
    assert "<dt>Students</dt><dd>20</dd>" in page
    assert "<dt>Chapter visits</dt><dd>375</dd>" in page


def test_titles_are_escaped_everywhere(page: str) -> None:
    assert "<b>sums</b>" not in page
    assert "Algebra <I>" not in page
    assert any("&lt;b&gt;" in label for label in labels(figures(page)["time-per-chapter-0"]))


def test_title_cannot_end_the_script(small_school: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(small_school, tmp_path / "lake")
    evil = {"course_id": "biology", "chapter_id": "b1", "chapter_title": "</script><script>a()"}
    version = small_lake.append(lake, "dim_chapters", [evil])
    versions = dict(open_snapshot(lake).versions) | {"gold.dim_chapters": version}
    small_lake.complete_run(lake, versions, "run-2", hour=5)
    page = report.render(open_snapshot(lake), NOW)
    assert "<script>a()" not in page
    assert page.count("</script>") == 3


def test_small_groups_are_left_out_and_that_is_said(page: str) -> None:
    for place in ("time-per-chapter", "time-distribution", "drop-off"):
        assert not any("rare" in label for label in labels(figures(page)[f"{place}-0"]))
    assert "Left out: 1 chapter with fewer than 5 visits." in page


def test_every_group_says_its_sample_size(page: str) -> None:
    rows = [figure for figure in figures(page).values() if "ticktext" in figure["layout"]["yaxis"]]
    assert len(rows) == 8
    assert all("n=" in label for figure in rows for label in labels(figure))


def test_box_is_drawn_from_exact_quantiles(page: str) -> None:
    (trace,) = figures(page)["time-distribution-0"]["data"]
    for low, q1, median, q3, high in zip(
        *(trace[name] for name in ("lowerfence", "q1", "median", "q3", "upperfence")), strict=True
    ):
        assert low <= q1 <= median <= q3 <= high


def test_every_colour_of_a_chart_has_a_light_and_a_dark_value(page: str) -> None:
    style = page[page.index("<style>") : page.index("</style>")]
    light, dark = style.split("prefers-color-scheme: dark", 1)
    roles = set(re.findall(r'"@(\w+)"', DATA.search(page).group(1)))  # type: ignore[union-attr]
    roles |= set(re.findall(r"'@(\w+)'", page[page.rindex("<script>") :]))
    assert {"accent", "second", "text", "card"} <= roles
    assert all(f"--{role}:" in light and f"--{role}:" in dark for role in roles)


def test_days_without_events_are_drawn_as_zero() -> None:
    days = [datetime.date(2025, 11, 3), datetime.date(2025, 11, 6)]
    rows = pl.DataFrame({"date": days, "dau": [4, 5]})
    (figure,) = report_charts.active_students(rows).figures
    assert figure["data"][0]["y"] == [4, 0, 0, 5]


def test_cell_of_the_week_with_few_visits_is_empty() -> None:
    rows = pl.DataFrame(
        {"weekday": [1, 2], "hour": [9, 9], "hours": [1.0, 2.0], "n": [4, 5]},
    )
    chart = report_charts.time_by_hour(rows)
    assert chart.figures[0]["data"][0]["z"][9][:3] == [None, 2.0, None]
    assert chart.notes[0] == "Left out: 1 hour of the week with fewer than 5 visits."


def test_long_lists_say_how_many_are_shown() -> None:
    names = [f"c{n:02d}" for n in range(30)]
    rows = pl.DataFrame(
        {"course": "k", "chapter": names, "n": 9, "hours": 1.0, "minutes_per_visit": 2.0}
    )
    chart = report_charts.time_per_chapter(rows)
    assert chart.rows.height == 20
    assert chart.notes == ["The first 20 of 30."]


def test_section_whose_groups_are_all_too_small_says_so() -> None:
    rows = pl.DataFrame(
        {"course": ["k"], "chapter": ["c"], "n": [1], "hours": [1.0], "minutes_per_visit": [2.0]}
    )
    text = report_page.section("x", "Title", report_charts.time_per_chapter(rows))
    assert "Left out: 1 chapter" in text
    assert "No data for this question yet." in text


def test_empty_warehouse_gives_a_page_that_says_so(tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs"])
    page = report.render(open_snapshot(tmp_path), NOW)
    assert "There is no data yet" in page
    assert "<script" not in page


def test_program_writes_the_page(
    small_school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, out = small_school, tmp_path / "report.html"
    assert report.main([f"--warehouse={lake}", f"--out={out}"]) == 0
    assert out.read_text().startswith("<!doctype html>")
    assert str(out) in capsys.readouterr().out
    assert report.main([f"--warehouse={lake}", f"--out={tmp_path}/no/report.html"]) == 2
    assert report.main([f"--warehouse={tmp_path}/none", f"--out={out}"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    with pytest.raises(SystemExit) as caught:
        report.main([f"--warehouse={lake}", f"--out={out}", "--pretty"])
    assert caught.value.code == 2
