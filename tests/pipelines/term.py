"""A short term of a few students, in dated folders: cases in which days depend on each other."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.pipelines.whole_runs import write_lines

FIRST = datetime.date(2025, 10, 20)
DAYS = 10
DATES = [FIRST + datetime.timedelta(days=n) for n in range(DAYS)]
MINUTES = [20, 19, 21, 20, 22, 19, 20, 21, 95, 2]
"""How long a visit of chapter one takes: on day 8 oddly long, on day 9 oddly short."""


def events() -> list[dict[str, Any]]:
    """Everything the students sent, in order of time."""
    found = [*_lessons(), *_late_evenings(), *_marathon(), *_interval_over_midnight()]
    return sorted(found, key=lambda event: (event["timestamp"], event["event_id"]))


def write_term(folder: Path, without: datetime.date | None = None) -> Path:
    """The events in `date=…` folders of the UTC date of receipt, which is up to a day later."""
    parts = defaultdict(list)
    for n, event in enumerate(events()):
        moment = datetime.datetime.fromisoformat(event["timestamp"])
        received = moment + datetime.timedelta(hours=20 if n % 11 == 0 else 0)
        if moment.date() != without:
            parts[received.date()].append(event)
    for date, lines in parts.items():
        write_lines(folder / "clickstream" / f"date={date}" / "part-0.jsonl", lines)
    return folder


def lessons_only(folder: Path, without: datetime.date | None = None) -> Path:
    """The part of the term in which nothing passes midnight, received on its day."""
    for date in DATES:
        lines = [e for e in _lessons() if e["timestamp"].startswith(str(date)) and date != without]
        write_lines(folder / f"date={date}" / "part-0.jsonl", lines)
    return folder


def _event(student: str, moment: datetime.datetime, event_type: str, **more: Any) -> dict[str, Any]:
    at = moment.isoformat()
    return {"event_id": f"{student}-{event_type}-{at}", "student_id": student, "timestamp": at,
            "event_type": event_type, **more}  # fmt: skip


def _at(day: int, hour: float) -> datetime.datetime:
    midnight = datetime.datetime.combine(DATES[day], datetime.time(), datetime.UTC)
    return midnight + datetime.timedelta(hours=hour)


def _lessons() -> Iterator[dict[str, Any]]:
    """Five students read chapter one and answer a question, every day at noon."""
    for day in range(DAYS):
        for n in range(5):
            start = _at(day, 12 + n / 60)
            place = {"course_id": "c", "chapter_id": "one"}
            steps = range(0, MINUTES[day] + n, 10)
            for minute in steps:
                yield _event(f"s{n}", start + datetime.timedelta(minutes=minute), "page_view",
                             page_url="/chapter/one", metadata={"scroll_depth": 40 + n}, **place,
                             device="android" if n % 2 else "windows")  # fmt: skip
            end = start + datetime.timedelta(minutes=MINUTES[day] + n)
            yield _event(f"s{n}", end, "quiz_answer", quiz_id="q", question_id=f"q{n % 2}",
                         metadata={"correct": n % 3 > 0})  # fmt: skip
            yield _event(f"s{n}", end + datetime.timedelta(minutes=1), "page_view", page_url="/")


def _late_evenings() -> Iterator[dict[str, Any]]:
    """A session over midnight, with a video, every third day."""
    for day in range(0, DAYS - 1, 3):
        start = _at(day, 23.5)
        video = {"course_id": "c", "chapter_id": "two", "video_id": "v"}
        for n, (kind, minute) in enumerate(
            [("video_play", 0), ("video_pause", 20), ("video_play", 45), ("video_complete", 60)]
        ):
            yield _event("owl", start + datetime.timedelta(minutes=minute), kind, **video,
                         metadata={"current_time": 300 * n, "video_duration": 900})  # fmt: skip


def _marathon() -> Iterator[dict[str, Any]]:
    """Forty hours without a break of half an hour."""
    for n in range(100):
        moment = _at(3, 15) + datetime.timedelta(minutes=24 * n)
        yield _event("sleepless", moment, "page_view", page_url=f"/course/c/chapter/{n % 7}")


def _interval_over_midnight() -> Iterator[dict[str, Any]]:
    """A tab left open from one evening into the next afternoon."""
    start, end = _at(6, 22), _at(7, 13)
    yield _event("tab", start, "chapter_view", course_id="c", chapter_id="three",
                 start_time=start.isoformat(), end_time=end.isoformat())  # fmt: skip
    yield _event("tab", end + datetime.timedelta(minutes=10), "page_view", page_url="/x")
