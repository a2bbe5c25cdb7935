"""How many students of each class, chapter or subject are active now, and how engaged?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.live.students import Students, engagement_at

TREND_MS = 300_000


@dataclass(frozen=True)
class Group:
    """Figures of one class, chapter or subject. `engagement`: mean score 0-100 of the active;
    `trend`: that minus the mean 5 minutes before. `event_count`: of the last 10 minutes (classes
    and chapters)."""

    name: str
    active_count: int
    idle_count: int
    engagement: float | None
    trend: float | None
    event_count: int


@dataclass(frozen=True)
class HeatCell:
    """Events of a class in a chapter in a minute; empty text where unknown."""

    minute_ms: int
    class_id: str
    chapter_id: str
    event_count: int


@dataclass(frozen=True)
class HeatRow:
    """Events of a class in a chapter, minute by minute."""

    class_id: str
    chapter_id: str
    event_counts: list[int]


def open_students(students: Students, now: int, active_ms: int) -> pl.DataFrame:
    """Students in an open session: facts, `score` now and `score_before`, 5 minutes ago.

    A score is null where the student was not active.
    """
    before = now - TREND_MS
    here, there = engagement_at(students, now), engagement_at(students, before, before)
    is_active = students.rows["last_ms"] >= now - active_ms
    was_active = (there["last_ms"] >= before - active_ms).fill_null(False)
    return students.rows.with_columns(
        is_active=is_active,
        score=here["score"].set(~is_active, None),
        score_before=there["score"].set(~was_active, None),
    )


def engagement(people: pl.DataFrame) -> tuple[float | None, float | None]:
    """Mean score of the active, and its trend; None where nobody was active."""
    mean, before = people["score"].mean(), people["score_before"].mean()
    return mean, _difference(mean, before)  # type: ignore[return-value]


def _difference(value: Any, before: Any) -> float | None:
    return None if value is None or before is None else value - before


def group_by_column(people: pl.DataFrame, column: str, events: dict[str, int]) -> list[Group]:
    """Most active first, then most events, then by name; also those with events but nobody now.

    `events`: counts by name.
    """
    found = people.group_by(pl.col(column).fill_null("")).agg(
        pl.col("is_active").sum(),
        pl.len(),
        pl.col("score").mean(),
        before=pl.col("score_before").mean(),
    )
    known = {name: rest for name, *rest in found.iter_rows()}
    groups = []
    for name in (known.keys() | events.keys()) - {""}:
        active, everybody, score, before = known.get(name, (0, 0, None, None))
        trend = _difference(score, before)
        idle = everybody - active
        groups.append(Group(name, active, idle, score, trend, events.get(name, 0)))
    return sorted(groups, key=lambda g: (-g.active_count, -g.event_count, g.name))


def hottest(cells: Iterable[HeatCell], minutes: Sequence[int], count: int) -> list[HeatRow]:
    """The classes and chapters with most events in the minutes (epoch ms), `count` at most.

    Most first, then by name. Events of an unknown class or chapter are left out.
    """
    places = {minute: place for place, minute in enumerate(minutes)}
    rows: dict[tuple[str, str], list[int]] = {}
    for cell in cells:
        if cell.class_id and cell.chapter_id and cell.minute_ms in places:
            row = rows.setdefault((cell.class_id, cell.chapter_id), [0] * len(minutes))
            row[places[cell.minute_ms]] += cell.event_count
    most = sorted(rows, key=lambda name: (-sum(rows[name]), name))
    return [HeatRow(*name, rows[name]) for name in most[:count]]


def sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The sum of the counts of each name."""
    found: dict[str, int] = {}
    for name, count in pairs:
        found[name] = found.get(name, 0) + count
    return found


def shares(values: pl.Series) -> dict[str, int]:
    """How often each value occurs, most often first; null as unknown."""
    counts = sums((value or "unknown", 1) for value in values)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
