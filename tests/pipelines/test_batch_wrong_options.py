"""Does the program say in one line what is wrong with its options or its input, and exit with 2?"""

from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.whole_runs import page_view, run, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "events.jsonl", [page_view()])


def _complaint(
    capfd: pytest.CaptureFixture[str], warehouse: Path, *inputs: Any, **flags: Any
) -> str:
    """The one line on standard error of a run that exits with 2 and makes no warehouse."""
    assert run(warehouse, *inputs, **flags) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 400
    assert not warehouse.exists()
    return shown.err


def test_input_that_matches_nothing_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = _complaint(capfd, tmp_path / "w", tmp_path / "nothing-*.jsonl")
    assert "nothing-*.jsonl" in line
    assert "--input" in line


def test_unknown_flag_is_named(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "--sesion_gap_seconds" in _complaint(capfd, tmp_path / "w", source, sesion_gap_seconds=1)


def test_flags_of_beam_are_known(source: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "w", source, runner="FnApiRunner", job_name="x") == 0


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"start_date": "2025-11-16"}, "--end_date"),
        ({"end_date": "2025-11-16"}, "--start_date"),
        ({"start_date": "2025-11-16", "end_date": "2025-11-15"}, "before"),
        ({"start_date": "16.11.2025", "end_date": "2025-11-17"}, "YYYY-MM-DD"),
        ({"reporting_timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"split_on": "shoes"}, "shoes"),
        ({"session_gap_seconds": "-5"}, "session_gap_seconds"),
        ({"session_gap_seconds": "nan"}, "session_gap_seconds"),
        ({"max_session_hours": "0"}, "max_session_hours"),
        ({"workers": "two"}, "workers"),
        ({"log_format": "xml"}, "log_format"),
    ],
)
def test_wrong_value_is_refused(
    source: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    flags: dict[str, str],
    word: str,
) -> None:
    assert word in _complaint(capfd, tmp_path / "w", source, **flags)


def test_run_without_a_key_says_how_to_give_one(
    source: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for value in (None, "", "  "):
        monkeypatch.delenv("CHAPTERFLOW_PSEUDONYM_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", value)
        line = _complaint(capfd, tmp_path / "w", source)
        assert "CHAPTERFLOW_PSEUDONYM_KEY" in line
        assert "--pseudonym_key_file" in line


def test_empty_key_file_is_refused(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("\n")
    line = _complaint(capfd, tmp_path / "w", source, pseudonym_key_file=tmp_path / "key")
    assert "empty" in line


FILES = ("catalog", "question_catalog", "consent_file", "exclusion_file", "event_types_file",
         "geoip_database", "pseudonym_key_file")  # fmt: skip


@pytest.mark.parametrize("flag", FILES)
@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_companion_file_that_cannot_be_read_is_named(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], flag: str, kind: str
) -> None:
    path = tmp_path / "companion"
    if kind == "folder":
        path.mkdir()
    line = _complaint(capfd, tmp_path / "w", source, **{flag: path})
    assert f"--{flag}={path}" in line
    assert "cannot be read" in line


@pytest.mark.parametrize(
    ("flag", "content"),
    [
        ("catalog", b""),
        ("catalog", b"course,chapter\na,b\n"),
        ("catalog", b"course_id,chapter_id,expected_minutes\na,b,soon\n"),
        ("catalog", b"course_id,chapter_id,chapter_order\na,b,first\n"),
        ("catalog", b"\xff\xfe\x00"),
        ("catalog", b'course_id,chapter_id\na,"unclosed\n'),
        ("question_catalog", b"quiz,question\n"),
        ("question_catalog", b"quiz_id,question_id,pass_mark\na,b,60\n"),
        ("question_catalog", b"quiz_id,question_id,pass_mark\na,b,most\n"),
        ("consent_file", b"student;consent\n"),
        ("consent_file", b"\xff\xfe"),
        ("exclusion_file", b"field: student_id\n"),
        ("exclusion_file", b"- field: student_id\n"),
        ("exclusion_file", b"- field: student_id\n  regex: '['\n"),
        ("exclusion_file", b"a: [b"),
        ("exclusion_file", b"- just text\n"),
        ("exclusion_file", b"\x00\x01"),
        ("event_types_file", b"from,to\na,b\n"),
        ("event_types_file", b"name,event_type\nopened,nonsense\n"),
        ("geoip_database", b"not a database"),
        ("geoip_database", b""),
    ],
)
def test_ill_formed_companion_file_is_refused_with_its_name(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], flag: str, content: bytes
) -> None:
    path = tmp_path / "companion"
    path.write_bytes(content)
    assert f"--{flag}={path}" in _complaint(capfd, tmp_path / "w", source, **{flag: path})


def test_warehouse_that_is_a_file_fails_with_one_line(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w").write_text("a file")
    assert run(tmp_path / "w", source) in (1, 2)
    shown = capfd.readouterr().err
    assert shown.count("\n") == 1
    assert str(tmp_path / "w") in shown


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_failure_of_a_worker_ends_the_run_with_one_line_that_tells_the_reason(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    blocked = tmp_path / "w" / "silver" / "events" / "event_date=2025-11-16"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder has to be")
    assert run(tmp_path / "w", source, workers=workers) == 1
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith("chapterflow: the run failed")
    assert "event_date=2025-11-16" in line
    assert "Traceback" not in line
    assert not list((tmp_path / "w" / "_staging").iterdir())
