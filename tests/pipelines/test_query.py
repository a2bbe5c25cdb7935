"""Does the query program answer in all formats, and fail with one clear line?"""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from pipelines import query
from pipelines.readers import print_table

TOTALS = (
    "SELECT course_id, SUM(visits_count) AS visits FROM gold.chapter_engagement "
    "GROUP BY course_id ORDER BY course_id"
)


@pytest.fixture(scope="module")
def lake(small_school: Path) -> Path:
    return small_school


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = query.main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_table_is_aligned_and_counts_its_rows(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = answer(capsys, f"--warehouse={lake}", TOTALS)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["course_id", "visits"]
    assert lines[2].startswith("algebra")
    assert len(lines[2]) == len(lines[3])
    assert lines[-1] == "(2 rows)"


def test_csv_and_json_give_the_same_rows(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, as_csv, _ = answer(capsys, f"--warehouse={lake}", "--format=csv", TOTALS)
    _, as_json, _ = answer(capsys, f"--warehouse={lake}", "--format=json", TOTALS)
    rows = json.loads(as_json)
    assert [row["course_id"] for row in rows] == ["algebra", "biology"]
    read = list(csv.DictReader(io.StringIO(as_csv)))
    assert [int(float(row["visits"])) for row in read] == [int(row["visits"]) for row in rows]


def test_lists_and_records_come_out_in_every_format(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT date, time_distribution FROM gold.chapter_engagement ORDER BY ALL LIMIT 1"
    _, as_json, _ = answer(capsys, f"--warehouse={lake}", "--format=json", sql)
    _, as_csv, _ = answer(capsys, f"--warehouse={lake}", "--format=csv", sql)
    (row,) = json.loads(as_json)
    (read,) = csv.DictReader(io.StringIO(as_csv))
    assert row["date"] == read["date"] == "2025-11-03"
    assert json.loads(read["time_distribution"]) == row["time_distribution"]
    assert answer(capsys, f"--warehouse={lake}", sql)[0] == 0


def test_out_writes_a_file(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.csv"
    code, shown, _ = answer(capsys, f"--warehouse={lake}", "--format=csv", f"--out={out}", TOTALS)
    assert (code, shown) == (0, "")
    assert out.read_text().startswith("course_id,visits\n")
    code, _, error = answer(capsys, f"--warehouse={lake}", f"--out={tmp_path}/no/rows", TOTALS)
    assert code == 2
    assert error.startswith("cannot write ")


def test_tables_are_listed_with_their_rows(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, f"--warehouse={lake}", "--tables", "--format=json")
    assert code == 0
    counts = {row["table"]: row["rows"] for row in json.loads(out)}
    assert counts["gold.platform_daily"] == 14
    assert counts["gold.alerts"] == 0


def test_questions_are_listed_by_number(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, f"--warehouse={lake}", "--list", "--format=json")
    assert code == 0
    listed = json.loads(out)
    assert listed[1]["number"] == 2
    assert listed[1]["name"] == "time_per_chapter"
    _, out, _ = answer(capsys, f"--warehouse={lake}", "--list")
    assert all(f"{row['name']} " in out and row["question"] in out for row in listed)


def test_question_is_answered_by_its_name_or_number(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [
        answer(capsys, f"--warehouse={lake}", f"--run={wanted}", "--format=csv")
        for wanted in ("time_per_chapter", "2", "02")
    ]
    assert outs[0] == outs[1] == outs[2]
    code, out, _ = outs[0]
    assert code == 0
    assert out.startswith("course,chapter,hours,minutes_per_visit,n,")


def test_parameters_choose_the_days(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (f"--warehouse={lake}", "--run=headline", "--format=json")
    days = ("--param=start_date=2025-11-04", "--param", "end_date=2025-11-05")
    (row,) = json.loads(answer(capsys, *arguments, *days)[1])
    assert (row["first_date"], row["last_date"]) == ("2025-11-04", "2025-11-05")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run=nothing"], "there is no query nothing, but: headline, time_per_chapter, "),
        (["--run=0"], "there is no query 0, but: headline"),
        (["--run=99"], "there is no query 99"),
        (["--run=streaks", "--param=end_date=2025-11-04"], "it has: as_of_date"),
        (["--run=headline", "--param=colour=red"], "it has: as_of_date, start_date, end_date"),
        (["--run=streaks", "--param=as_of_date=Monday"], "a date, YYYY-MM-DD, not 'Monday'"),
        (["--run=away_students", "--param=away_days=few"], "a whole number, not 'few'"),
        (["--run=streaks", "--param=as_of_date"], "--param is NAME=VALUE, not as_of_date"),
        (["--run=headline", "--param=start_date=2026-01-01"], "there is no such range of days"),
    ],
)
def test_wrong_name_or_parameter_is_one_line_and_exit_code_2(
    lake: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, out, error = answer(capsys, f"--warehouse={lake}", *arguments)
    assert (code, out) == (2, "")
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM gold.nothing", "nothing does not exist"),
        ("SELECT nothing FROM gold.platform_daily", "nothing"),
        ("SELECT CAST(status AS INTEGER) FROM ops.pipeline_runs", "completed"),
        ("SELECT 1 AS a, 2 AS a", "a name of its own"),
        ("SELECT INTERVAL 3 DAY", "cast intervals"),
    ],
)
def test_sql_error_is_one_line_and_exit_code_2(
    lake: Path, capsys: pytest.CaptureFixture[str], sql: str, words: str
) -> None:
    code, out, error = answer(capsys, f"--warehouse={lake}", sql)
    assert (code, out) == (2, "")
    assert words in error
    assert error.count("\n") == 1


def test_missing_warehouse_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = answer(capsys, f"--warehouse={tmp_path}/none", "SELECT 1")
    assert code == 2
    assert error.startswith("no warehouse at ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["SELECT 1"],
        ["--warehouse=x"],
        ["--warehouse=x", "--tables", "SELECT 1"],
        ["--warehouse=x", "--list", "--run=headline"],
        ["--warehouse=x", "--list", "--param=end_date=2025-11-04"],
        ["--warehouse=x", "--colour", "SELECT 1"],
        ["--warehouse=x", "--format=xml", "SELECT 1"],
        ["--ware=x", "SELECT 1"],
    ],
)
def test_wrong_options_are_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        query.main(arguments)
    assert caught.value.code == 2


def test_wide_cells_are_cut_and_columns_that_do_not_fit_are_named() -> None:
    rows = pl.DataFrame({"a": ["x" * 100, "line\nbreak"], "b": [1.5, None], "c": ["y" * 30] * 2})
    text = print_table.render(rows, width=60)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert "…" in text
    assert "line break" in text
    assert text.endswith("(2 rows; too wide for: c)\n")


def test_many_rows_say_how_many_are_shown() -> None:
    text = print_table.render(pl.DataFrame({"n": range(1000)}))
    assert text.endswith("(1000 rows, the first 200 shown)\n")
    assert len(text.splitlines()) == 203


def test_no_rows_still_show_the_columns() -> None:
    assert print_table.render(pl.DataFrame({"n": []})).splitlines()[0] == "n"
