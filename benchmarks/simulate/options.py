"""What can be chosen about the simulated school?"""

import datetime
from dataclasses import dataclass

DIALECTS = ("mixed", "raw_event", "clickstream", "analytics_event", "chapter_view")
TOPICS = ("clickstream", "quiz", "video")


@dataclass(frozen=True)
class Options:
    """The size, the dates and the faults of a school; rates are shares of the events.

    `envelopes` wraps each record as the raw zone of streaming does, with the time of receipt; only
    then can a record be too old or from the future. `unreadable_files` adds files of broken gzip.
    """

    students: int = 200
    days: int = 14
    start_date: datetime.date = datetime.date(2025, 9, 1)
    seed: int = 7
    dialect: str = "mixed"
    duplicates: float = 0.01
    bad: float = 0.002
    without_consent: float = 0.0
    envelopes: bool = False
    unreadable_files: int = 0

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {self.dialect!r}")
        if self.students < 1 or self.days < 1:
            raise ValueError("students and days must be at least 1")
        for name in ("duplicates", "bad", "without_consent"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share between 0 and 1")

    @property
    def start_ms(self) -> int:
        """Midnight UTC of the first day, in epoch milliseconds."""
        midnight = datetime.datetime.combine(self.start_date, datetime.time(), datetime.UTC)
        return int(midnight.timestamp()) * 1000
