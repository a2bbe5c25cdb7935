"""Must a run for a date read whole days before it? Would the last hours not do?"""

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.whole_runs import completed, read, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
DAY = datetime.datetime(2025, 11, 16, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
ONLY_DAY = {"start_date": DAY.date(), "end_date": DAY.date()}


def _event(name: str, hours: float, **more: Any) -> tuple[datetime.datetime, dict[str, Any]]:
    """An event so many hours after the beginning of the day; its moment, and itself."""
    at = DAY + hours * HOUR
    known = {"event_id": name, "student_id": "s", "timestamp": at.isoformat()}
    return at, known | {"event_type": "page_view", "page_url": "/course/c/chapter/1"} | more


def _write(folder: Path) -> Path:
    """A lesson of 14 hours that ends as yesterday begins, and a visit every 25 minutes since."""
    start, end = DAY - 38 * HOUR, DAY - 24 * HOUR
    times = {"start_time": start.isoformat(), "end_time": end.isoformat()}
    lesson = _event("lesson", -38, course_id="c", chapter_id="1", **times)
    visits = [_event(f"e{n}", n * 25 / 60 - 23.75) for n in range(58)]
    for at, event in (lesson, *visits):
        path = folder / "t" / f"date={at.date()}" / f"hour={at.hour:02d}" / f"{event['event_id']}"
        write_lines(path.with_suffix(".jsonl"), [event])
    return folder


def _starts(warehouse: Path) -> list[datetime.datetime]:
    rows = read(warehouse, "silver.sessions")
    return sorted(row["session_start"] for row in rows if row["session_date"] == DAY.date())


def test_an_hour_two_days_before_decides_about_sessions_of_a_date(tmp_path: Path) -> None:
    source = _write(tmp_path / "raw")
    completed(tmp_path / "all", source)
    assert _starts(tmp_path / "all"), "a session longer than a day is cut at midnight"
    completed(tmp_path / "day", source, **ONLY_DAY)
    assert _starts(tmp_path / "day") == _starts(tmp_path / "all")
    shutil.rmtree(source / "t" / f"date={(DAY - 48 * HOUR).date()}" / "hour=10")
    completed(tmp_path / "narrow", source, **ONLY_DAY)
    assert _starts(tmp_path / "narrow") != _starts(tmp_path / "all")


def test_a_smaller_lookback_is_not_taken_and_far_folders_are_not_read(tmp_path: Path) -> None:
    source = _write(tmp_path / "raw")
    far = _event("far", -24 * 3)[1]
    write_lines(source / "t" / f"date={(DAY - 72 * HOUR).date()}" / "hour=00" / "a.jsonl", [far])
    row = completed(tmp_path / "w", source, lookback_days=0, **ONLY_DAY)
    assert row["records_read"] == 59
    assert json.loads(row["options"])["lookback_days"] == 0
    assert _starts(tmp_path / "w")
