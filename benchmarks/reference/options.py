"""Which options does the reference know, and what do they mean in whole milliseconds?"""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

DEFAULTS: dict[str, object] = {
    "session_gap_seconds": 1800,
    "idle_after_seconds": 300,
    "interval_active_cap_seconds": 1800,
    "max_session_hours": 24,
    "split_on": (),
    "skim_seconds": 20,
    "reporting_timezone": "UTC",
    "max_future_seconds": 300,
    "max_age_days": 365,
    "key": "example-key",
}


@dataclass(frozen=True)
class Options:
    """The options, times in whole milliseconds; a limit of 0 on future or age means none."""

    gap_ms: int
    idle_ms: int
    cap_ms: int
    max_session_ms: int
    split_on: tuple[str, ...]
    skim_ms: int
    timezone: ZoneInfo
    max_future_ms: int
    max_age_ms: int
    key: bytes


def read_options(given: Mapping[str, object] | None) -> Options:
    """Options by their names in the metric definitions; ValueError for an unknown name."""
    unknown = set(given or {}) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"unknown options: {sorted(unknown)}")
    values = {**DEFAULTS, **(given or {})}
    return Options(
        gap_ms=int(values["session_gap_seconds"] * 1000),
        idle_ms=int(values["idle_after_seconds"] * 1000),
        cap_ms=int(values["interval_active_cap_seconds"] * 1000),
        max_session_ms=int(values["max_session_hours"] * 3_600_000),
        split_on=tuple(values["split_on"]),
        skim_ms=int(values["skim_seconds"] * 1000),
        timezone=ZoneInfo(values["reporting_timezone"]),
        max_future_ms=int(values["max_future_seconds"] * 1000),
        max_age_ms=int(values["max_age_days"] * 86_400_000),
        key=values["key"].encode(),
    )
