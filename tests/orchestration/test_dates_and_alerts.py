"""Which dates does a run replace, and what does an alert say? Without Airflow."""

import datetime
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.orchestration.airflow_home import DAGS, PLUGINS


@pytest.fixture
def dates(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the DAGs that reckons dates."""
    monkeypatch.syspath_prepend(str(DAGS))
    from chapterflow_steps import dates

    return dates


def _run(began: str | None, ended: str | None, after: str = "2026-03-05T12:00") -> SimpleNamespace:
    times = [datetime.datetime.fromisoformat(time) if time else None for time in (began, ended)]
    return SimpleNamespace(
        data_interval_start=times[0],
        data_interval_end=times[1],
        run_after=datetime.datetime.fromisoformat(after),
    )


def test_the_hour_after_midnight_replaces_both_days(dates: Any) -> None:
    run = _run("2026-03-04T23:10", "2026-03-05T00:10")
    assert list(map(str, dates.hourly_dates(run, {"days": 1}))) == ["2026-03-04", "2026-03-05"]
    run = _run("2026-03-05T00:10", "2026-03-05T01:10")
    assert list(map(str, dates.hourly_dates(run, {"days": 1}))) == ["2026-03-05", "2026-03-05"]


def test_a_run_by_hand_without_a_date_is_about_yesterday(dates: Any) -> None:
    assert str(dates.whole_day(_run(None, None), {})) == "2026-03-04"
    assert str(dates.whole_day(_run(None, None), {"date": "2026-01-31"})) == "2026-01-31"


def test_pieces_cover_a_range_once_and_in_order(dates: Any) -> None:
    assert dates.pieces("2026-02-26", "2026-03-02", 2) == [
        ("2026-02-26", "2026-02-27"), ("2026-02-28", "2026-03-01"), ("2026-03-02", "2026-03-02"),
    ]  # fmt: skip
    with pytest.raises(dates.DatesError, match="after"):
        dates.pieces("2026-03-02", "2026-03-01", 2)


def test_an_alert_is_one_line_of_json_that_names_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    import chapterflow_alerts

    task = SimpleNamespace(dag_id="d", task_id="t", run_id="r")
    chapterflow_alerts.tell_failed_task({"ti": task, "exception": ValueError("two\nlines")})
    assert len(caplog.messages[0].splitlines()) == 1
    assert json.loads(caplog.messages[0]) == {
        "chapterflow_alert": "task_failed", "dag": "d", "task": "t", "run": "r",
        "error": "two\nlines",
    }  # fmt: skip
