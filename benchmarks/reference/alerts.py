"""Which live alerts open and close? Every minute is worked out anew from all events.

What a student does within the window of videos is one session. Of events at the same millisecond
the video event counts as the last.
"""

import bisect
import statistics
import uuid
from datetime import datetime, timedelta

from benchmarks.reference.catalogue import Catalogue
from benchmarks.reference.derived import without_duplicates
from benchmarks.reference.options import Options, read_options
from benchmarks.reference.records import DeadLetterError, Record, read_event
from benchmarks.reference.videos import views_of_session

MINUTE = 60_000
LIMITS = {
    "active_minutes": 5,
    "drop_percent": 40,
    "drop_minutes": 5,
    "drop_from_students": 20,
    "new_level_minutes": 60,
    "usual_percent": 80,
    "usual_days": 7,
    "usual_days_needed": 3,
    "video_ratio": 0.3,
    "video_minutes": 15,
    "video_views": 10,
    "idle_percent": 30,
    "idle_students": 20,
    "recovery_minutes": 5,
}


def find_incidents(
    records: list[Record], until_ms: int, limits: dict | None = None, options: dict | None = None
) -> list[dict]:
    """Incidents that opened by `until_ms`: alert_id, kind, opened_ms, closed_ms, value."""
    settings, given = read_options(options), LIMITS | (limits or {})
    events = without_duplicates(_read(records, settings))
    if not events:
        return []
    school = School(events, settings, given)
    for at in range(school.first, until_ms + 1, MINUTE):
        school.judge(at)
    return sorted(school.incidents, key=lambda found: (found["opened_ms"], found["kind"]))


def _read(records: list[Record], options: Options) -> list[dict]:
    events = []
    for record in records:
        try:
            events.append(_as_received(read_event(record, options, Catalogue(None)), options))
        except DeadLetterError:
            continue
    return events


def _as_received(event: dict, options: Options) -> dict:
    """The event without what lay ahead of its receipt by more than is allowed."""
    if event["received"] is None or not options.max_future_ms:
        return event
    latest = event["received"] + options.max_future_ms
    return event | {"end": max(event["start"], min(event["end"], latest))}


class School:
    """All events of a school, and the incidents found so far."""

    def __init__(self, events: list[dict], options: Options, limits: dict):
        self.events, self.options, self.limits = sorted(events, key=_end), options, limits
        self.first = (self.events[0]["end"] // MINUTE + 1) * MINUTE
        self.incidents: list[dict] = []
        self.seen: dict[int, int] = {}

    def judge(self, at: int) -> None:
        """The minute that ended at `at`."""
        active, idle = self._students(at)
        self.seen[at] = active
        self._track("active_students_drop", at, *self._drop(at, active))
        self._track("low_video_engagement", at, *self._videos(at))
        total = active + idle
        is_idle = idle * 100 > self.limits["idle_percent"] * total
        is_many = idle >= self.limits["idle_students"]
        self._track("many_idle_students", at, is_idle and is_many, idle / max(total, 1))

    def _ended(self, begin: int, end: int) -> list[dict]:
        first = bisect.bisect_left(self.events, begin, key=_end)
        return self.events[first : bisect.bisect_left(self.events, end, key=_end)]

    def _students(self, at: int) -> tuple[int, int]:
        recent = self._ended(at - self.options.gap_ms, at)
        last = {event["student_hash"]: event["end"] for event in recent}
        ages = [at - end for end in last.values()]
        active = sum(age <= self.limits["active_minutes"] * MINUTE for age in ages)
        return active, len(ages) - active

    def _drop(self, at: int, active: int) -> tuple[bool, float]:
        still_open = self._open("active_students_drop")
        kept_percent = 100 - self.limits["drop_percent"]
        if still_open:
            is_old = at - still_open["opened_ms"] >= self.limits["new_level_minutes"] * MINUTE
            return active * 100 <= kept_percent * still_open["base"] and not is_old, 0.0
        before = [at - n * MINUTE for n in range(1, self.limits["drop_minutes"] + 1)]
        self.base = max((self.seen.get(minute, 0) for minute in before), default=0)
        is_fall = active * 100 <= kept_percent * self.base
        is_fall = is_fall and self.base >= self.limits["drop_from_students"]
        is_fall = is_fall and not self._is_usual(at, active)
        return is_fall, (self.base - active) / max(self.base, 1)

    def _is_usual(self, at: int, active: int) -> bool:
        now = datetime.fromtimestamp(at / 1000, self.options.timezone)
        days = [now - timedelta(days=n + 1) for n in range(self.limits["usual_days"])]
        minutes = [round(day.timestamp() * 1000) for day in days]
        past = [self.seen.get(minute, 0) for minute in minutes if minute >= self.first]
        if len(past) < self.limits["usual_days_needed"]:
            return False
        return active * 100 >= self.limits["usual_percent"] * statistics.median(past)

    def _videos(self, at: int) -> tuple[bool, float]:
        begin = at - self.limits["video_minutes"] * MINUTE
        students: dict[str, list[dict]] = {}
        for event in self._ended(begin, at):
            students.setdefault(event["student_hash"], []).append(event)
        ratios = []
        for events in students.values():
            session = {"events": sorted(events, key=_place)}
            ratios += [view["ratio"] for view in views_of_session(session, self.options)]
        known = [ratio for ratio in ratios if ratio is not None]
        mean = statistics.fmean(known) if known else 0.0
        is_low = mean < self.limits["video_ratio"] and len(known) >= self.limits["video_views"]
        return is_low, mean

    def _open(self, kind: str) -> dict | None:
        found = (i for i in self.incidents if i["kind"] == kind and i["closed_ms"] is None)
        return next(found, None)

    def _track(self, kind: str, at: int, is_breached: bool, value: float) -> None:
        still_open = self._open(kind)
        if still_open is None:
            if is_breached:
                self.incidents.append(self._new(kind, at, value))
            return
        if is_breached:
            still_open["breached_ms"] = at
        elif at - still_open["breached_ms"] > self.limits["recovery_minutes"] * MINUTE:
            still_open["closed_ms"] = at

    def _new(self, kind: str, at: int, value: float) -> dict:
        name = f"{kind}|platform|{at}"
        return {
            "alert_id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            "kind": kind,
            "opened_ms": at,
            "closed_ms": None,
            "value": value,
            "breached_ms": at,
            "base": self.base,
        }


def _end(event: dict) -> int:
    return event["end"]


def _place(event: dict) -> tuple[int, bool, str]:
    is_video = event["event_type"].startswith("video_") and event["video_id"] is not None
    return event["start"], is_video, event["event_id"]
