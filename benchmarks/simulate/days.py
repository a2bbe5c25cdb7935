"""When do students of the simulated school sit down to learn?"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.simulate.options import Options
from benchmarks.simulate.students import Client, Student

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
# Monday to Sunday: how likely a day of study is, against the student's diligence.
WEEKDAYS = (1.0, 1.05, 1.0, 0.95, 0.8, 0.45, 0.6)
# The 24 hours of the student's own clock: lessons in the morning, homework in the evening.
HOURS = (2, 1, 0.5, 0.3, 0.2, 0.5, 2, 5, 9, 10, 9, 7, 4, 5, 6, 6, 8, 9, 9, 10, 10, 8, 6, 4)


@dataclass(frozen=True)
class Sitting:
    """A planned session: when it starts, on which device, and how many minutes it is to last."""

    start_ms: int
    client: Client
    minutes: float


def plan_sittings(rng: Random, student: Student, options: Options) -> Iterator[Sitting]:
    """The student's sittings in order of day; they may overlap where two devices are used."""
    for day in range(options.days):
        if student.stops_on_day is not None and day >= student.stops_on_day:
            return
        weekday = (options.start_date.weekday() + day) % 7
        if rng.random() < min(0.98, student.diligence * WEEKDAYS[weekday]):
            yield from _day(rng, student, options.start_ms + day * DAY_MS)


def _day(rng: Random, student: Student, midnight_ms: int) -> Iterator[Sitting]:
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        sitting = Sitting(
            start_ms=midnight_ms + _time_of_day(rng, student.offset_minutes),
            client=student.clients[0],
            minutes=_length(rng, student),
        )
        yield sitting
        if len(student.clients) > 1 and rng.random() < 0.35:
            yield _second_screen(rng, student, sitting)


def _second_screen(rng: Random, student: Student, first: Sitting) -> Sitting:
    """The other device, while the first is in use or some time after."""
    delay_minutes = rng.uniform(0, first.minutes * 1.5)
    start_ms = first.start_ms + int(delay_minutes * MINUTE_MS)
    return Sitting(start_ms, student.clients[1], first.minutes * rng.uniform(0.1, 0.6))


def _time_of_day(rng: Random, offset_minutes: int) -> int:
    """Milliseconds after midnight UTC, for an hour likely on the student's own clock."""
    local_hour = rng.choices(range(24), HOURS)[0]
    utc_ms = (local_hour * 60 - offset_minutes) % 1440 * MINUTE_MS + rng.randrange(HOUR_MS)
    return utc_ms % DAY_MS


def _length(rng: Random, student: Student) -> float:
    if "binge" in student.habits and rng.random() < 0.4:
        return rng.uniform(90, 300)
    return min(120.0, rng.lognormvariate(2.6, 0.8))
