"""Is the simulated school the same every time, and does it tell the truth about itself?"""

import datetime
import gzip
import ipaddress
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.simulate import Options, School, simulate
from benchmarks.simulate.__main__ import main
from benchmarks.simulate.faults import MAKERS
from benchmarks.simulate.school import _dialect

SMALL = Options(students=12, days=4, seed=3, duplicates=0.02, bad=0.02)


@pytest.fixture(scope="module")
def school() -> School:
    return simulate(SMALL)


def _good(school: School) -> list[dict]:
    """The records that are neither bad nor a second copy."""
    lines = dict.fromkeys(a.body for a in school.arrivals)
    parsed = [_parse(line) for line in lines]
    return [r for r in parsed if isinstance(r, dict) and not _is_bad(r)]


def _parse(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_bad(record: dict) -> bool:
    return str(record.get("event_id", "")).startswith("bad-")


def _folder_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    flags = ["--students=5", "--days=2", "--seed=11"]
    for name in ("a", "b"):
        assert main([f"--out={tmp_path / name}", *flags]) == 0
    assert _folder_bytes(tmp_path / "a") == _folder_bytes(tmp_path / "b")


def test_another_seed_gives_another_school(school: School) -> None:
    assert simulate(SMALL, seed=4).records != school.records


def test_another_student_changes_nothing_for_the_others() -> None:
    few = simulate(students=12, days=2, duplicates=0, bad=0)
    more = simulate(students=13, days=2, duplicates=0, bad=0)
    assert set(few.records) < set(more.records)


def test_truth_counts_what_was_written(school: School) -> None:
    truth, good = school.truth, _good(school)
    spellings = {json.dumps(record, sort_keys=True) for record in good}
    assert truth["events"] == len(spellings)
    assert truth["events"] == sum(truth["events_by_dialect"].values())
    assert truth["records"] == len(school.records)
    extra = truth["duplicates"] + sum(truth["bad"].values())
    assert truth["records"] == truth["events"] + extra
    assert Counter(_dialect(json.loads(s)) for s in spellings) == truth["events_by_dialect"]
    assert truth["events_without_id"] == sum("event_id" not in json.loads(s) for s in spellings)


def test_a_mixed_school_speaks_every_dialect(school: School) -> None:
    assert all(school.truth["events_by_dialect"].values())
    assert len({_dialect(r) for r in _good(school) if r["student_id"] == "stu_1005"}) == 4


@pytest.mark.parametrize("dialect", ["raw_event", "clickstream", "analytics_event"])
def test_a_school_can_speak_one_dialect(dialect: str) -> None:
    truth = simulate(students=3, days=2, dialect=dialect).truth
    assert truth["events_by_dialect"][dialect] == truth["events"] > 0


def test_a_school_of_chapter_views_has_only_intervals() -> None:
    good = _good(simulate(students=5, days=3, dialect="chapter_view"))
    assert good
    assert all("start_time" in record and "end_time" in record for record in good)


def test_every_reason_a_plain_record_can_have_appears(school: School) -> None:
    assert set(school.truth["bad"]) == set(MAKERS) - {"in_the_future", "too_old"}


def test_envelopes_carry_the_time_of_receipt_and_every_reason() -> None:
    wrapped = simulate(SMALL, envelopes=True)
    assert set(wrapped.truth["bad"]) == set(MAKERS)
    envelopes = [json.loads(line) for line in wrapped.records]
    assert all(("record" in e) != ("record_base64" in e) for e in envelopes)
    received = [e["received_at"] for e in envelopes]
    assert received == sorted(received)


def test_files_lie_by_topic_and_utc_date_of_the_event(tmp_path: Path) -> None:
    arguments = ["--students=6", "--days=3", "--start_date=2025-03-05", "--unreadable_files=1"]
    assert main([f"--out={tmp_path}", *arguments, "--bad=0.05"]) == 0
    parts = sorted(tmp_path.glob("events/raw/*/date=*/part-0000.jsonl.gz"))
    assert {part.parts[-3] for part in parts} == {"clickstream", "quiz", "video"}
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["bad"].pop("unreadable_source") == 1
    lines = [
        (part, line) for part in parts for line in gzip.decompress(part.read_bytes()).splitlines()
    ]
    assert len(lines) == truth["records"]
    for part, line in lines:
        _assert_in_its_folder(part, _parse(line))


def _assert_in_its_folder(part: Path, record: object) -> None:
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    if isinstance(stamp, int) and stamp > 0:
        date = datetime.datetime.fromtimestamp(stamp / 1000, datetime.UTC).date()
        assert part.parts[-2] == f"date={date}"


def test_no_gzip_writes_plain_lines(tmp_path: Path) -> None:
    main([f"--out={tmp_path}", "--students=2", "--days=1", "--no-gzip"])
    assert list(tmp_path.rglob("*.jsonl"))
    assert not list(tmp_path.rglob("*.gz"))


def test_students_without_consent_are_listed() -> None:
    school = simulate(students=40, days=1, without_consent=0.5)
    refused = [row for row in school.consent if not row["has_consent"]]
    assert school.truth["students_without_consent"] == len(refused) > 5
    assert school.truth["events_without_consent"] > 0


def test_nobody_can_be_reached_by_what_the_metadata_says(school: School) -> None:
    text = json.dumps(_good(school))
    mails = re.findall(r"[\w.+-]+@([\w.-]+)", text)
    assert mails
    assert set(mails) == {"example.org"}
    addresses = set(re.findall(r'"ip": ?"([^"]+)"', text))
    assert addresses
    assert not any(ipaddress.ip_address(address).is_global for address in addresses)


def test_a_wrong_option_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--out=unused", "--students=0"])
    assert stop.value.code == 2
    assert "at least 1" in capsys.readouterr().err
