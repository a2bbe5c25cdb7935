"""Which words may appear? Event types and their spellings, devices, reasons, end reasons."""

import csv
import re
from functools import cache
from importlib import resources

EVENT_TYPES = (
    "session_start",
    "session_end",
    "login",
    "course_enroll",
    "course_unenroll",
    "course_complete",
    "lesson_start",
    "lesson_complete",
    "page_view",
    "chapter_view",
    "click",
    "scroll",
    "video_play",
    "video_pause",
    "video_seek",
    "video_stop",
    "video_complete",
    "video_progress",
    "quiz_start",
    "quiz_answer",
    "quiz_submit",
    "quiz_navigate",
    "assignment_start",
    "assignment_submit",
    "forum_view",
    "forum_post",
    "live_session_join",
    "live_session_leave",
    "content_interact",
    "idle",
    "active",
    "other",
)

END_REASONS = ("inactivity", "login", "device", "browser", "network", "max_length")

DEVICES = {
    **dict.fromkeys(("mobile", "phone", "android", "ios", "iphone"), "mobile"),
    **dict.fromkeys(("tablet", "ipad"), "tablet"),
    **dict.fromkeys(
        ("desktop", "web", "windows", "mac", "macos", "linux", "chromebook"), "desktop"
    ),
}

REASONS = {
    "unreadable_source": "the file is truncated or corrupt from here on",
    "too_large": "the record is larger than 1,048,576 bytes",
    "invalid_utf8": "the record is not valid UTF-8",
    "too_deep": "objects and arrays are nested more than 32 deep",
    "not_json": "the record is not valid JSON",
    "not_an_object": "the record is JSON, but not an object",
    "unknown_dialect": "no start_time and end_time, no context and no timestamp",
    "missing_student_id": "student_id is missing or empty",
    "bad_time": "a time is missing, not a date and time, or not from 1970 to 9999",
    "end_before_start": "end_time is before start_time",
    "interval_too_long": "end_time is more than 24 hours after start_time",
    "in_the_future": "the event happened later than it was received",
    "too_old": "the event is older than max_age_days",
    "bad_type": "a field has a type that it cannot have",
}
"""Why a record is set aside, in the order in which the reasons are checked: the first wins."""

MAX_RECORD_BYTES = 1_048_576
MAX_DEPTH = 32

_SEPARATORS = re.compile(r"[\s.\-]+")


def normalise(name: str) -> str:
    """`Video start` -> `video_start`: trimmed, lower case, blanks, dots and hyphens to `_`."""
    return _SEPARATORS.sub("_", name.strip().lower())


@cache
def builtin_spellings() -> dict[str, str]:
    """Other spellings of event types, from `event_types.csv`: name -> type."""
    text = resources.files("schemas").joinpath("event_types.csv").read_text("utf-8")
    return read_spellings(text)


def read_spellings(text: str) -> dict[str, str]:
    """A CSV of name,event_type as a mapping; ValueError names a type outside the taxonomy."""
    rows = {row["name"]: row["event_type"] for row in csv.DictReader(text.splitlines())}
    unknown = sorted(set(rows.values()) - set(EVENT_TYPES))
    if unknown:
        raise ValueError(f"event types outside the taxonomy: {', '.join(unknown)}")
    return {normalise(name): event_type for name, event_type in rows.items()}


def event_type_of(names: tuple[str, ...], spellings: dict[str, str]) -> str:
    """The type that the first known of `names` stands for, else a guess by prefix, else other."""
    wanted = [normalise(name) for name in names]
    known = [spellings.get(n, n) for n in wanted if n in spellings or n in EVENT_TYPES]
    if known:
        return known[0]
    guesses = {"quiz_": "quiz_navigate", "video_": "video_progress"}
    return next((t for n in wanted for p, t in guesses.items() if n.startswith(p)), "other")
