"""Do trends of chapters follow a stream as they follow batch runs?"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.outputs.commit_stream import StreamCommits
from pipelines.outputs.follow_trends import trend_changes
from pipelines.outputs.keep_tables import changes_by_table, trend_dates_of
from pipelines.outputs.lake import Lake
from tests.pipelines.stream_lake import (
    DAY,
    STARTED_AT,
    changes,
    chapter,
    commits,
    facts,
    seen,
    stream_run,
)
from transforms.note_trend_dates import TREND_DATES

STEADY = (580.0, 590.0, 600.0, 600.0, 600.0, 610.0, 630.0)
"""Median 600, absolute deviations 20 10 0 0 0 10 30: a day beyond 651 or 549 stands out."""
BEFORE = [DAY - datetime.timedelta(days=back) for back in range(1, 8)]
LATER = DAY + datetime.timedelta(days=21)
SPIKE, DROP = "chapter_time_spike", "chapter_time_drop"


def _chapter(date: datetime.date, seconds: float, **more: Any) -> dict[str, Any]:
    return chapter("a", "1", 5, date=date, median_time_per_visit_seconds=seconds, **more)


def _idle(anomaly_id: str, **more: Any) -> dict[str, Any]:
    return {"anomaly_id": anomaly_id, "kind": "idle_visit", "date": DAY} | more


def _chapters(*rows: dict[str, Any]) -> dict[str, pl.DataFrame]:
    return {"chapter_engagement": changes("chapter_engagement", *rows)}


@pytest.fixture
def stream(tmp_path: Path) -> StreamCommits:
    """A stream into a warehouse with a steady week before DAY."""
    started = commits(tmp_path, stream_run("20260301T080000-00000001"))
    week = zip(BEFORE, STEADY, strict=True)
    started.commit(_chapters(*(_chapter(date, seconds) for date, seconds in week)), facts())
    return started


def _anomalies(warehouse: Path) -> Mapping[str, tuple[datetime.date, float]]:
    rows = seen(warehouse, "gold.anomalies")
    return {row["kind"]: (row["date"], row["value"]) for row in rows}


def test_a_day_that_stands_out_is_told_with_the_round_or_later(
    tmp_path: Path, stream: StreamCommits
) -> None:
    stream.commit(_chapters(_chapter(DAY, 900)), facts(2), {DAY})
    assert _anomalies(tmp_path) == {SPIKE: (DAY, 900)}
    stream.commit(_chapters(_chapter(LATER, 400)), facts(3))
    assert SPIKE in _anomalies(tmp_path)
    stream.commit({}, None, {LATER})
    assert _anomalies(tmp_path) == {SPIKE: (DAY, 900), DROP: (LATER, 400)}


def test_a_trend_goes_when_its_day_or_the_days_before_become_others(
    tmp_path: Path, stream: StreamCommits
) -> None:
    stream.commit(_chapters(_chapter(DAY, 900), _chapter(LATER, 900)), facts(2), {DAY, LATER})
    assert len(seen(tmp_path, "gold.anomalies")) == 2
    stream.commit(_chapters(_chapter(DAY, 610, revision=2)), facts(3), {DAY})
    assert _anomalies(tmp_path) == {SPIKE: (LATER, 900)}
    gone = _chapter(BEFORE[-1], 0, revision=2, is_deleted=True)
    rest = [_chapter(date, 0, revision=2, is_deleted=True) for date in BEFORE[:3]]
    stream.commit(_chapters(gone, *rest), facts(4), {*BEFORE[:3], BEFORE[-1]})
    assert _anomalies(tmp_path) == {}


def test_other_anomalies_of_the_day_and_the_round_stay(
    tmp_path: Path, stream: StreamCommits
) -> None:
    stream.commit({"anomalies": changes("anomalies", _idle("x"), _idle("y"))}, facts(2))
    round_ = _chapters(_chapter(DAY, 900)) | {
        "anomalies": changes("anomalies", _idle("x", revision=2, is_deleted=True), _idle("z"))
    }
    stream.commit(round_, facts(3), {DAY})
    found = sorted(row["anomaly_id"] for row in seen(tmp_path, "gold.anomalies"))
    assert len(found) == 3
    assert {"y", "z"} < set(found)


def test_trends_that_are_stored_already_are_not_written_again(
    tmp_path: Path, stream: StreamCommits
) -> None:
    stream.commit(_chapters(_chapter(DAY, 900)), facts(2), {DAY})
    lake = Lake(str(tmp_path))
    before = lake.version("anomalies")
    assert trend_changes(lake.read, {DAY, *BEFORE}, STARTED_AT).is_empty()
    stream.commit(_chapters(_chapter(DAY, 900, visits_count=6, revision=2)), facts(3), {DAY})
    assert lake.version("anomalies") == before


def test_the_same_round_again_after_a_crash_leaves_the_same_trends(
    tmp_path: Path, stream: StreamCommits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    round_ = _chapters(_chapter(DAY, 900)) | {"anomalies": changes("anomalies", _idle("x"))}
    with monkeypatch.context() as patched:
        patched.setattr(StreamCommits, "_write_row", die)
        with pytest.raises(KeyboardInterrupt):
            stream.commit(round_, facts(2), {DAY})
    assert _anomalies(tmp_path) == {}
    assert Lake(str(tmp_path)).read("anomalies").height == 2
    again = commits(tmp_path, stream_run("20260301T080000-00000001"))
    again.commit(round_, facts(2), {DAY})
    assert _anomalies(tmp_path) == {SPIKE: (DAY, 900), "idle_visit": (DAY, None)}


def test_days_of_a_round_that_died_are_not_judged_by(
    tmp_path: Path, stream: StreamCommits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(StreamCommits, "_write_row", die)
        with pytest.raises(KeyboardInterrupt):
            stream.commit(_chapters(_chapter(DAY, 900)), facts(2))
    stream.commit({}, facts(2), {DAY})
    assert _anomalies(tmp_path) == {}


def test_dates_are_taken_apart_from_the_changes_of_tables() -> None:
    told = (TREND_DATES, pl.DataFrame({"date": [DAY]}))
    bundle = [told, *_chapters(_chapter(DAY, 1)).items(), told]
    assert trend_dates_of(bundle) == {DAY}
    assert list(changes_by_table(bundle)) == ["chapter_engagement"]
