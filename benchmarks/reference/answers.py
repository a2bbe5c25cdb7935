"""How long was each page open, and how was each question answered?"""

from collections.abc import Mapping
from itertools import pairwise

from benchmarks.reference.clock import local_date, seconds, utc
from benchmarks.reference.options import Options

MAX_ANSWER_MS = 600_000
PAGE_TYPES = ("page_view", "chapter_view")


def page_views_of_session(session: dict, options: Options) -> list[dict]:
    """One row per page_view event and per point chapter_view event."""
    events = session["events"]
    places = [place for place, event in enumerate(events) if _is_page_view(event)]
    spans = pairwise([*places, len(events) - 1])
    rows = [_page_view(session, place, end, options) for place, end in spans]
    for row in rows:
        row["is_entry"] = row is rows[0]
        row["is_exit"] = row is rows[-1]
    return rows


def _is_page_view(event: dict) -> bool:
    return event["event_type"] in PAGE_TYPES and not event["is_interval"]


def _page_view(session: dict, place: int, end: int, options: Options) -> dict:
    event = session["events"][place]
    starts = [other["start"] for other in session["events"][place : end + 1]]
    gaps = [right - left for left, right in pairwise(starts)]
    return {
        "event_id": event["event_id"],
        "session_id": session["session_id"],
        "student_hash": event["student_hash"],
        "page": event["page"],
        "course_id": event["course_id"],
        "chapter_id": event["chapter_id"],
        "viewed_at": utc(event["start"]),
        "dwell_seconds": seconds(starts[-1] - starts[0]),
        "active_seconds": seconds(sum(min(gap, options.idle_ms) for gap in gaps)),
        "view_date": local_date(event["start"], options.timezone),
    }


def attempts_of_session(session: dict, correct: Mapping, options: Options) -> list[dict]:
    """One attempt per quiz_answer; its time is kept in milliseconds under `time`."""
    attempts = []
    previous: int | None = None
    for event in session["events"]:
        if event["event_type"] == "quiz_answer":
            attempts.append(_attempt(session, event, previous, correct, options))
        if event["event_type"].startswith("quiz_"):
            previous = event["start"]
    return attempts


def _attempt(
    session: dict, event: dict, previous: int | None, correct: Mapping, options: Options
) -> dict:
    time = event["time_spent"]
    if time is None and previous is not None:
        time = min(event["start"] - previous, MAX_ANSWER_MS)
    return {
        "event_id": event["event_id"],
        "student_hash": event["student_hash"],
        "session_id": session["session_id"],
        "course_id": event["course_id"],
        "chapter_id": event["chapter_id"],
        "quiz_id": event["quiz_id"],
        "question_id": event["question_id"],
        "attempted_at": utc(event["start"]),
        "is_correct": _is_correct(event, correct),
        "score": event["score"],
        "time": time,
        "time_spent_seconds": seconds(time),
        "selected_option": event["selected_option"],
        "attempt_date": local_date(event["start"], options.timezone),
    }


def _is_correct(event: dict, correct: Mapping) -> bool | None:
    if event["correct"] is not None:
        return event["correct"]
    if event["score"] is not None:
        return event["score"] >= 0.5
    right = correct.get((event["quiz_id"], event["question_id"]))
    if right is None or event["selected_option"] is None:
        return None
    return event["selected_option"] == right
