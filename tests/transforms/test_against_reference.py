"""Do product and reference agree, row by row, on simulated schools under many options?"""

import datetime
from typing import Any

import pytest

from benchmarks.simulate import School, simulate
from tests.in_memory import Plan
from tests.transforms.both_engines import disagreements

OTHER_OPTIONS: dict[str, dict[str, Any]] = {
    "split on device": {"split_on": ["device"]},
    "split on login": {"split_on": ["login"], "session_gap_seconds": 3600},
    "split on browser and network": {"split_on": ["browser", "network"]},
    "split on everything": {"split_on": ["device", "browser", "network", "login"]},
    "sessions of an hour": {"max_session_hours": 1, "session_gap_seconds": 7200},
    "sessions of five hours": {"max_session_hours": 5, "session_gap_seconds": 21600},
    "split and cut": {"split_on": ["device", "login"], "max_session_hours": 2},
    "short gap": {"session_gap_seconds": 61.5, "idle_after_seconds": 7.25},
    "other caps": {"interval_active_cap_seconds": 33, "skim_seconds": 90, "idle_after_seconds": 1},
    "nothing idle": {"idle_after_seconds": 0, "skim_seconds": 0, "session_gap_seconds": 600},
    "no limits": {"max_future_seconds": 0, "max_age_days": 0},
    "narrow limits": {"max_future_seconds": 1, "max_age_days": 1},
}
ZONES = {
    "Asia/Kolkata": datetime.date(2025, 9, 1),
    "America/New_York": datetime.date(2025, 10, 31),
    "Australia/Lord_Howe": datetime.date(2025, 10, 3),
    "Europe/London": datetime.date(2026, 3, 28),
    "Pacific/Kiritimati": datetime.date(2025, 12, 30),
}
DIALECTS = ("raw_event", "clickstream", "analytics_event", "chapter_view")


def _school(seed: int, **changes: Any) -> School:
    small = {"students": 8, "days": 3, "bad": 0.02, "duplicates": 0.05}
    return simulate(seed=seed, **small | changes)


def _disagreements(school: School, **options: Any) -> list[str]:
    plan = Plan(options, school.catalog, school.questions, blocks=3, shards=4)
    return disagreements(school.records, plan, [a.received_ms for a in school.arrivals])


@pytest.mark.parametrize("seed", range(8))
def test_engines_agree_on_a_school(seed: int) -> None:
    assert _disagreements(_school(seed)) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_engines_agree_on_a_school_of_one_dialect(dialect: str) -> None:
    assert _disagreements(_school(20, dialect=dialect)) == []


@pytest.mark.parametrize("name", OTHER_OPTIONS)
def test_engines_agree_under_other_options(name: str) -> None:
    school = _school(30 + len(name), students=5)
    assert _disagreements(school, **OTHER_OPTIONS[name]) == []


@pytest.mark.parametrize("zone", ZONES)
def test_engines_agree_in_a_time_zone_over_its_changes(zone: str) -> None:
    school = _school(40, students=5, start_date=ZONES[zone])
    assert _disagreements(school, reporting_timezone=zone) == []


def test_engines_agree_without_catalogue_and_receipts() -> None:
    school = _school(50)
    assert disagreements(school.records, Plan(blocks=2, shards=2)) == []


def test_engines_agree_on_a_month_of_a_few_students() -> None:
    """Long enough for a chapter to have a history of its own."""
    assert _disagreements(_school(60, students=3, days=30)) == []
