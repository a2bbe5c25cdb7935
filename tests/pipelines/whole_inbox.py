"""What do tests send to a stream? Weeks of a school, divided; files into its inbox."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from benchmarks.simulate import School, simulate
from benchmarks.simulate.school import Arrival
from tests.pipelines.whole_runs import write_lines
from tests.pipelines.whole_topics import HOUR_MS

_DAYS = 14


def drop(inbox: Path, number: int, records: Sequence[bytes]) -> None:
    """Put a file of records into the inbox, seen whole or not at all."""
    # Each file holds what it can: a line end within a record would make two of it.
    part = write_lines(inbox / f".{number}", [record.replace(b"\n", b" ") for record in records])
    part.rename(inbox / f"{number:03d}.jsonl")


def divide(bodies: Sequence[bytes], count: int) -> list[Sequence[bytes]]:
    """The records in so many parts of one size; the last has fewer."""
    size = -(-len(bodies) // count)
    return [bodies[start : start + size] for start in range(0, len(bodies), size)]


def two_weeks() -> tuple[School, list[Arrival]]:
    """A school of the last two whole weeks, the same whatever day it is, and what it sent.

    In order of arrival, without clocks that are wrong: long enough to have trends of chapters.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    first = today - datetime.timedelta(days=_DAYS + today.weekday())
    school = simulate(students=10, days=_DAYS, seed=0, start_date=first, duplicates=0.05, bad=0)
    arrivals = [
        arrival
        for arrival in school.arrivals
        if 0 <= arrival.received_ms - arrival.occurred_ms < 20 * HOUR_MS
    ]
    return school, arrivals
