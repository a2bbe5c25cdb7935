"""What does a school of many students do in a year? Canonical events by the million, week by week.

Made with arrays, not student by student as `benchmarks.simulate` does, and so of fewer kinds: no
dialects, faults or metadata, and no session goes over midnight. Everything is invented, and the
same options give the same events.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import polars as pl

from benchmarks.simulate.courses import Course, make_courses
from benchmarks.simulate.days import WEEKDAYS
from benchmarks.simulate.students import DEVICES, REGIONS
from benchmarks.year_events import NAMES, describe_chapters, spell_out

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
FIRST_DATE = datetime.date(2025, 9, 1)
"""A Monday."""
_STUDY, _SHARES = ("read", "leave", "watch", "quiz", "task"), (0.3, 0.25, 0.2, 0.2, 0.05)


@dataclass(frozen=True)
class Year:
    """How many students learn for how many days, from FIRST_DATE on."""

    students: int = 10_000
    days: int = 365
    seed: int = 7

    @property
    def courses(self) -> tuple[Course, ...]:
        """What can be learned."""
        return make_courses(Random(self.seed), min(40, max(4, self.students // 12)))


def simulate_weeks(year: Year) -> Iterator[pl.DataFrame]:
    """Canonical events (`schemas.canonical`), a frame per week, no session in two of them."""
    chance = np.random.default_rng(year.seed)
    school = _School(year, chance)
    for number, first in enumerate(range(0, year.days, 7)):
        units = school.units(range(first, min(first + 7, year.days)))
        if not units.is_empty():
            yield school.events(units, number)


class _School:
    """Who learns what: arrays with a value per student, and the chapters of all courses."""

    def __init__(self, year: Year, chance: np.random.Generator) -> None:
        size, self.chance, self.days = year.students, chance, year.days
        self.chapters = [chapter for course in year.courses for chapter in course.chapters]
        self.catalog = describe_chapters(self.chapters)
        counts = np.array([len(course.chapters) for course in year.courses])
        self.first_chapter, self.chapters_count = np.cumsum(counts) - counts, counts
        self.courses = chance.permuted(np.tile(np.arange(len(counts)), (size, 1)), axis=1)[:, :3]
        self.diligence = chance.beta(4, 5, size)
        self.ability = np.clip(chance.normal(0.65, 0.15, size), 0.05, 0.98)
        self.starts_on = np.where(
            chance.random(size) < 0.6, chance.integers(0, 14, size), chance.integers(0, 300, size)
        )
        stays = np.where(chance.random(size) < 0.3, chance.exponential(60, size), np.inf)
        self.stops_on = np.minimum(self.starts_on + 1 + stays, year.days + 1)
        self.who = pl.DataFrame({
            "student_hash": [chance.bytes(32).hex() for _ in range(size)],
            "pace": chance.lognormal(0, 0.3, size),
            "ability": self.ability,
            "device": chance.integers(0, len(DEVICES), size),
            "region": chance.integers(0, len(REGIONS), size),
        })  # fmt: skip

    def units(self, days: range) -> pl.DataFrame:
        """What is done in one go: `student`, `sitting_ms`, `chapter` and `kind`, numbers all."""
        parts = [part for day in days for part in (self._study(day), self._milestones(day))]
        return pl.concat(parts).sort("student", "sitting_ms", maintain_order=True)

    def _study(self, day: int) -> pl.DataFrame:
        """One or two sittings of two to five units, of the students who learn on that day."""
        size, chance = len(self.diligence), self.chance
        is_here = (self.starts_on <= day) & (day < self.stops_on)
        likely = self.diligence * WEEKDAYS[day % 7]
        morning = np.flatnonzero(is_here & (chance.random(size) < likely))
        evening = morning[chance.random(len(morning)) < 0.35]
        hours = (chance.uniform(6, 13, len(morning)), chance.uniform(16.5, 20.5, len(evening)))
        students, begins = np.concatenate([morning, evening]), np.concatenate(hours)
        lengths = chance.integers(2, 6, len(students))
        students, begins = np.repeat(students, lengths), np.repeat(begins, lengths)
        chapters = self._chapters(students, day)
        return _frame(students, day, begins, chapters, self._kinds(chapters))

    def _chapters(self, students: np.ndarray, day: int) -> np.ndarray:
        """Chapters in the order of their course, as the year goes on; some look ahead or back."""
        course = self.courses[students, self.chance.integers(0, 3, len(students))]
        progress = (day - self.starts_on[students]) / max(1, self.days)
        place = progress * self.chapters_count[course] + self.chance.normal(0, 0.8, len(students))
        place = np.clip(place.astype(int), 0, self.chapters_count[course] - 1)
        return self.first_chapter[course] + place

    def _kinds(self, chapters: np.ndarray) -> np.ndarray:
        """What is done in each chapter; what it does not have becomes reading."""
        kinds = self.chance.choice([NAMES.index(name) for name in _STUDY], len(chapters), p=_SHARES)
        for name, column in (("watch", "video_id"), ("quiz", "quiz_id"), ("task", "assignment_id")):
            lacks = self.catalog[column].is_null().to_numpy()[chapters]
            kinds[lacks & (kinds == NAMES.index(name))] = NAMES.index("read")
        return kinds

    def _milestones(self, day: int) -> pl.DataFrame:
        """Who enrols in three courses, completes one or leaves another on that day."""
        ends = np.minimum(self.stops_on, self.days).astype(int) - 1
        has_stayed = self.stops_on > self.days
        who = {
            "enroll": (self.starts_on == day, range(3)),
            "complete": ((ends - np.arange(len(ends)) % 28 == day) & has_stayed, range(1)),
            "unenroll": ((ends == day) & ~has_stayed & (self.ability < 0.6), range(1, 2)),
        }
        parts = []
        for kind, (is_due, courses) in who.items():
            students = np.repeat(np.flatnonzero(is_due), len(courses))
            course = self.courses[students, np.tile(courses, int(is_due.sum())).astype(int)]
            begins = np.full(len(students), 5.0)
            kinds = np.full(len(students), NAMES.index(kind))
            parts.append(_frame(students, day, begins, self.first_chapter[course], kinds))
        return pl.concat(parts)

    def events(self, units: pl.DataFrame, week: int) -> pl.DataFrame:
        """The canonical events of units; their ids are unique in the year."""
        found = spell_out(units, self.catalog, self.who, self.chance)
        ids = pl.format("e{}-{}", pl.lit(week), pl.int_range(pl.len()))
        return found.with_columns(event_id=ids)


def _frame(
    students: np.ndarray, day: int, hours: np.ndarray, chapters: np.ndarray, kinds: np.ndarray
) -> pl.DataFrame:
    midnight = datetime.datetime.combine(FIRST_DATE, datetime.time(), datetime.UTC).timestamp()
    begins = int(midnight) * 1000 + day * DAY_MS + (hours * HOUR_MS).astype(np.int64)
    columns = {"student": students, "sitting_ms": begins, "chapter": chapters, "kind": kinds}
    return pl.DataFrame({name: values.astype(np.int64) for name, values in columns.items()})
