"""How do the four kinds of client of the simulated school spell an action?"""

import datetime
from random import Random
from typing import Any

from benchmarks.simulate.students import Student
from benchmarks.simulate.trace import Action

# Other spellings that clients use for the same thing.
SPELLINGS = {
    "video_play": ("Video start", "video-resumed"),
    "video_pause": ("video_paused",),
    "video_progress": ("video_heartbeat", "video.timeupdate"),
    "video_complete": ("video_ended",),
    "quiz_answer": ("question_answered", "quiz-attempt"),
    "quiz_navigate": ("quiz_question_next", "quiz_question_previous"),
    "page_view": ("pageview", "Screen View"),
    "lesson_complete": ("chapter_completed",),
    "course_enroll": ("enrolled",),
    "login": ("user_login",),
}
CATEGORIES = (("video", "video_event"), ("quiz", "quiz_action"), ("page", "page_view"))
# Where a mixed school sends an action from, by weight.
WEIGHTS = {"raw_event": 4, "clickstream": 3, "analytics_event": 3}


def encode(
    rng: Random, student: Student, action: Action, event_id: str, dialect: str
) -> dict[str, Any]:
    """The record of an action; `mixed` chooses one of the dialects that can express it."""
    start: dict[str, Any] = {"event_id": event_id} if event_id else {}
    start["student_id"] = student.student_id
    if action.ended_ms is not None:
        return start | _chapter_view(rng, action)
    chosen = dialect
    if dialect == "mixed":
        chosen = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    return start | ENCODERS[chosen](rng, student, action)


def _chapter_view(rng: Random, action: Action) -> dict[str, Any]:
    assert action.chapter is not None  # only chapter views are measured as intervals
    start_ms, end_ms = action.at_ms, action.ended_ms or action.at_ms
    measured = (end_ms - start_ms) // 1000
    if rng.random() < 0.05:
        measured = max(0, measured - rng.randint(2, 30))
    record = {
        "course_id": action.chapter.course_id,
        "chapter_id": action.chapter.chapter_id,
        "start_time": write_time(rng, start_ms),
        "end_time": write_time(rng, end_ms),
        "time_spent_seconds": measured,
        "session_id": action.session_id,
        "device_type": action.client.device_type,
    }
    if rng.random() < 0.7:
        record["browser"] = action.client.browser
    return record | action.measures


def _raw_event(rng: Random, student: Student, action: Action) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timestamp": write_time(rng, action.at_ms),
        "event_type": _spell(rng, action.event_type),
    }
    metadata = dict(action.measures)
    record |= _page_or_ids(rng, action, metadata.pop("page", None))
    record |= {name: value for name, value in action.ids.items() if name == "question_id"}
    metadata |= {name: value for name, value in action.ids.items() if name != "question_id"}
    if rng.random() < 0.9:
        record["device"] = rng.choice((action.client.device_name, action.client.device_type))
    return record | {"metadata": metadata | _about(rng, student, action)}


def _page_or_ids(rng: Random, action: Action, page: str | None) -> dict[str, Any]:
    """Course and chapter as fields, or only in the address of the page."""
    course = action.chapter or action.course
    if course is None:
        return {"screen_name" if rng.random() < 0.3 else "page_url": page} if page else {}
    place = {"course_id": course.course_id}
    path = f"/course/{course.course_id}"
    if action.chapter:
        place["chapter_id"] = action.chapter.chapter_id
        path += f"/chapter/{action.chapter.chapter_id}"
    address = {"page_url": f"{path}?from={rng.choice(('menu', 'search', 'mail'))}#top"}
    if action.event_type in ("page_view", "scroll") and rng.random() < 0.3:
        return address
    # The course is left to the catalogue now and then.
    if action.chapter and rng.random() < 0.1:
        del place["course_id"]
    return place | address if action.event_type == "page_view" else place


def _clickstream(rng: Random, student: Student, action: Action) -> dict[str, Any]:
    course = action.chapter or action.course or rng.choice(student.courses)
    kind = action.event_type.split("_")[0]
    record: dict[str, Any] = {
        "class_id": int(course.class_id) if rng.random() < 0.2 else course.class_id,
        "subject_id": course.subject_id,
        "event_type": dict(CATEGORIES).get(kind, "click"),
        "event_name": _spell(rng, action.event_type),
        "timestamp": action.at_ms,
    }
    if action.chapter:
        record["chapter_id"] = action.chapter.chapter_id
    if (action.course or action.chapter) and rng.random() < 0.5:
        record["course_id"] = course.course_id
    metadata = {"device": action.client.device_name, "browser": action.client.browser}
    metadata["location"] = student.region
    measures = dict(action.measures)
    if "page" in measures:
        record["page_url"] = measures.pop("page")
    record["metadata"] = metadata | measures | action.ids | _about(rng, student, action)
    return record


def _analytics_event(rng: Random, student: Student, action: Action) -> dict[str, Any]:
    ids, client = dict(action.ids), action.client
    context: dict[str, Any] = {}
    if action.chapter:
        context["course_id"] = action.chapter.course_id
        context["lesson_id"] = rng.choice(action.chapter.lesson_ids)
    elif action.course:
        context["course_id"] = action.course.course_id
    if "quiz_id" in ids:
        context["assessment_id"] = ids.pop("quiz_id")
    if "video_id" in ids:
        context["video_id"] = ids.pop("video_id")
    time = action.at_ms if rng.random() < 0.1 else write_time(rng, action.at_ms)
    return {
        "event_type": _spell(rng, action.event_type),
        "timestamp": time,
        "session_id": action.session_id,
        "context": context,
        "device": {"type": client.device_type, "os": client.os, "browser": client.browser},
        "payload": action.measures | ids | _about(rng, student, action),
    }


ENCODERS = {
    "raw_event": _raw_event,
    "clickstream": _clickstream,
    "analytics_event": _analytics_event,
}


def _spell(rng: Random, event_type: str) -> str:
    """The name of the taxonomy, or now and then one of its other spellings."""
    others = SPELLINGS.get(event_type)
    return rng.choice(others) if others and rng.random() < 0.08 else event_type


def _about(rng: Random, student: Student, action: Action) -> dict[str, Any]:
    """What clients say about the device and, though they should not, about the person."""
    said: dict[str, Any] = {}
    if rng.random() < 0.3:
        said["network_type"] = action.client.network_type
    if rng.random() < 0.15:
        said["user_agent"] = action.client.user_agent
    if rng.random() < 0.1:
        said |= {"location": student.region, "ip": action.client.address}
    if rng.random() < 0.02:
        said["name"] = f"Test Person {student.student_id}"
    if rng.random() < 0.02:
        said["contact"] = {"email": f"person-{student.student_id}@example.org"}
    if rng.random() < 0.01:
        said["note"] = f"person-{student.student_id}@example.org"
    return said


def write_time(rng: Random, at_ms: int) -> str:
    """An instant as text in one of the usual forms, none of which changes it."""
    offset = rng.choice((0, 0, 0, 0, 330, -300, 60))
    zone = datetime.timezone(datetime.timedelta(minutes=offset))
    text = datetime.datetime.fromtimestamp(at_ms // 1000, zone).strftime("%Y-%m-%dT%H:%M:%S")
    roll = rng.random()
    text = text.replace("T", " ") if roll < 0.05 else text
    text += f".{at_ms % 1000:03d}" + ("417" if roll > 0.95 else "")
    if offset:
        sign, minutes = "-" if offset < 0 else "+", abs(offset)
        return f"{text}{sign}{minutes // 60:02d}{':' if roll < 0.7 else ''}{minutes % 60:02d}"
    return text if roll < 0.1 else text + "Z"
