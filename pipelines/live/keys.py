"""What are the keys of the live store called, and how long do they stay?

`docs/live-store.md` describes each; the scripts beside the store use the same names.
"""

from dataclasses import dataclass

WINDOW_MINUTES = 21
"""Minutes of event time that are kept: 15 are needed, a producer's clock may be 5 ahead."""
MINUTE_SECONDS = 3600
RECENT_SECONDS = 3900
"""Longer than a minute's counts, so that what is counted there is still known as counted."""
STUDENT_SECONDS = 9 * 86_400
"""A streak of 7 days is full; one more for time zones, one to spare."""
LAST_MS = 86_400_000
"""How long, in event time, students stay in the list of all, and sessions in the log."""
LOG_ENTRIES = 500
MOST_RECENT_BYTES = 40_960
"""Of the log of one student: 4,096 events within the window."""
SESSIONS_OF_STUDENT = 8


@dataclass(frozen=True)
class LiveKeys:
    """Names of the keys under a prefix."""

    prefix: str = "cf:"

    @property
    def pipeline(self) -> str:
        """HASH: newest event, watermark, last flush, lag."""
        return f"{self.prefix}pipeline"

    @property
    def last(self) -> str:
        """ZSET: students by the moment of their last event."""
        return f"{self.prefix}last"

    @property
    def latest(self) -> str:
        """ZSET: the newest events by moment."""
        return f"{self.prefix}latest"

    @property
    def started(self) -> str:
        """ZSET: sessions by their start."""
        return f"{self.prefix}sessions:started"

    @property
    def ended(self) -> str:
        """ZSET: sessions after which the student began another, by their end."""
        return f"{self.prefix}sessions:ended"

    @property
    def minutes(self) -> str:
        """ZSET: minutes that have counts."""
        return f"{self.prefix}minutes"

    @property
    def alerts_open(self) -> str:
        """HASH: open incidents by id, as JSON."""
        return f"{self.prefix}alerts:open"

    @property
    def alerts_log(self) -> str:
        """LIST: the last 50 openings and closings, newest first, as JSON."""
        return f"{self.prefix}alerts:log"

    def minute(self, minute: int) -> str:
        """HASH: counts of a minute since the epoch."""
        return f"{self.prefix}minute:{minute}"

    def student(self, student_hash: str) -> str:
        """STRING: what is known of a student, as MessagePack."""
        return f"{self.prefix}student:{student_hash}"

    def recent(self, student_hash: str) -> str:
        """STRING: the log of a student's events within the window."""
        return f"{self.prefix}recent:{student_hash}"
