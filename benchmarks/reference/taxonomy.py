"""Which type of event does a name stand for, and how much does it weigh?"""

import csv
import functools
import re
from pathlib import Path

TYPES = {
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
}
_SPELLINGS = Path(__file__).parents[2] / "schemas" / "event_types.csv"
_FAMILIES = {"quiz_": "quiz_navigate", "video_": "video_progress"}


@functools.cache
def _spellings() -> dict[str, str]:
    with _SPELLINGS.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row["event_type"] for row in csv.DictReader(file)}


def event_type_of(names: list[str]) -> str:
    """The type of the first name that is known, else of the first of a known family."""
    cleaned = [re.sub(r"[\s.\-]+", "_", name.strip().lower()) for name in names]
    known = (_spellings().get(name, name) for name in cleaned)
    exact = next((name for name in known if name in TYPES), None)
    return exact or next(filter(None, map(_family_type, cleaned)), "other")


def _family_type(name: str) -> str | None:
    return next((kind for start, kind in _FAMILIES.items() if name.startswith(start)), None)


def weight_tenths(event_type: str) -> int:
    """Engagement weight of an event in tenths, so that sums are exact."""
    if event_type.startswith("video_"):
        return 10
    if event_type.startswith(("quiz_", "assignment_")):
        return 8
    return 5 if event_type in ("page_view", "chapter_view") else 3
