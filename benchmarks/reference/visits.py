"""Which chapters did a session visit, for how long, and how far?"""

import uuid

from benchmarks.reference.catalogue import Catalogue
from benchmarks.reference.options import Options
from benchmarks.reference.sessions import active_ms, first_known

IDLE_POINT_MS = 1_800_000
JOINING = ("click", "scroll", "idle", "active", "other")
JOINING_FAMILIES = ("video_", "quiz_", "assignment_")
ENDING = ("lesson_complete", "course_complete")
COMPLETING = ("lesson_complete", "video_complete", "course_complete")


def visits_of_session(session: dict, options: Options, catalogue: Catalogue) -> list[dict]:
    """The interval and point visits of a session."""
    intervals = _interval_visits(session["events"], options)
    remaining = [
        event
        for event in session["events"]
        if not event["is_interval"] and not _attach(event, intervals)
    ]
    visits = intervals + _point_visits(remaining, options)
    for visit in visits:
        _describe(visit, session, options, catalogue)
    return visits


def _chapter(event: dict) -> tuple[str | None, str]:
    return event["course_id"], event["chapter_id"]


def _interval_visits(events: list[dict], options: Options) -> list[dict]:
    visits: list[dict] = []
    latest: dict[tuple, dict] = {}
    for event in events:
        if not event["is_interval"] or event["chapter_id"] is None:
            continue
        visit = latest.get(_chapter(event))
        if visit is None or event["start"] > visit["end"]:
            visit = latest[_chapter(event)] = _open_visit("interval", event)
            visits.append(visit)
        visit["events"].append(event)
        visit["end"] = max(visit["end"], event["end"])
    for visit in visits:
        visit["active"] = min(visit["end"] - visit["start"], options.cap_ms)
    return visits


def _open_visit(kind: str, event: dict) -> dict:
    return {
        "kind": kind,
        "first": event["event_id"],
        "course_id": event["course_id"],
        "chapter_id": event["chapter_id"],
        "start": event["start"],
        "end": event["end"],
        "events": [],
    }


def _attach(event: dict, intervals: list[dict]) -> bool:
    """Adds a point event to the interval visit of its chapter that it lies in, if there is one."""
    for visit in intervals:
        if _chapter(visit) == _chapter(event) and visit["start"] <= event["start"] <= visit["end"]:
            visit["events"].append(event)
            return True
    return False


def _point_visits(remaining: list[dict], options: Options) -> list[dict]:
    visits: list[dict] = []
    current: dict | None = None
    for place, event in enumerate(remaining):
        current = _visit_of(event, current)
        if current is None:
            continue
        if not current["events"]:
            visits.append(current)
        current["events"].append(event)
        current["next"] = remaining[place + 1] if place + 1 < len(remaining) else None
        if event["chapter_id"] is None and event["event_type"] in ENDING:
            current = None
    for visit in visits:
        _close(visit, options)
    return visits


def _visit_of(event: dict, current: dict | None) -> dict | None:
    """The visit that a point event belongs to: the open one, a new one, or none."""
    if event["chapter_id"] is None:
        return current if _joins(event["event_type"]) else None
    if current is not None and _chapter(current) == _chapter(event):
        return current
    return _open_visit("point", event)


def _joins(event_type: str) -> bool:
    return event_type in JOINING + ENDING or event_type.startswith(JOINING_FAMILIES)


def _close(visit: dict, options: Options) -> None:
    last, following = visit["events"][-1], visit.pop("next")
    if following is not None:
        visit["end"] = following["start"]
    else:
        measured = last["duration"] if last["time_spent"] is None else last["time_spent"]
        visit["end"] = last["start"] + min(measured or 0, options.idle_ms)
    tail = min(visit["end"] - last["start"], options.idle_ms)
    visit["active"] = active_ms(visit["events"], options) + tail


def _describe(visit: dict, session: dict, options: Options, catalogue: Catalogue) -> None:
    events = sorted(visit["events"], key=lambda event: (event["start"], event["event_id"]))
    visit["events"] = events
    visit["time"] = visit["end"] - visit["start"]
    visit["student_hash"] = session["student_hash"]
    visit["session_id"] = session["session_id"]
    visit["visit_id"] = _visit_id(visit)
    for column in ("class_id", "subject_id", "device_type"):
        own = first_known(events, column)
        visit[column] = first_known(session["events"], column) if own is None else own
    visit["activity_kind"] = _activity_kind(events)
    _describe_progress(visit)
    _describe_idle(visit, options, catalogue)
    _describe_skim(visit, options, catalogue)


def _activity_kind(events: list[dict]) -> str:
    """What the visit's time was spent on; a video goes before a quiz, a quiz before reading."""
    for kind in ("video", "quiz"):
        if any(event["event_type"].startswith(f"{kind}_") for event in events):
            return kind
    return "reading"


def _visit_id(visit: dict) -> str:
    course = visit["course_id"] or ""
    parts = (course, visit["chapter_id"], visit["start"], visit["kind"], visit["first"])
    name = "|".join(map(str, (visit["session_id"], *parts)))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def _describe_progress(visit: dict) -> None:
    depths = [e["scroll_depth"] for e in visit["events"] if e["scroll_depth"] is not None]
    depth = max(depths, default=None)
    rate = None if depth is None else depth / 100
    if any(e["event_type"] in COMPLETING or e["completed"] for e in visit["events"]):
        rate = 1.0
    visit["scroll_depth"], visit["completion_rate"] = depth, rate
    visit["is_completed"] = None if rate is None else rate >= 0.9
    visit["is_drop_off"] = None if depth is None else depth < 50 and not visit["is_completed"]


def _describe_idle(visit: dict, options: Options, catalogue: Catalogue) -> None:
    """A tab left open; the limit is kept for the anomaly."""
    if visit["kind"] == "interval":
        expected = catalogue.expected_ms(*_chapter(visit)) or 0
        visit["idle_limit"] = 2 * max(options.cap_ms, expected)
        visit["is_idle"] = visit["time"] > visit["idle_limit"]
    else:
        visit["idle_limit"] = max(3 * visit["active"], IDLE_POINT_MS)
        is_long = visit["time"] >= IDLE_POINT_MS
        visit["is_idle"] = is_long and visit["time"] > 3 * visit["active"]


def _describe_skim(visit: dict, options: Options, catalogue: Catalogue) -> None:
    """Scrolled far in too little time; the limit is in fifths of milliseconds to stay whole."""
    expected = catalogue.expected_ms(*_chapter(visit)) or 0
    limit_fifths = max(5 * options.skim_ms, expected)
    visit["skim_limit"] = limit_fifths / 5
    is_far = visit["scroll_depth"] is not None and visit["scroll_depth"] >= 80
    visit["is_skim"] = is_far and 5 * visit["active"] < limit_fifths
