"""How do events, sessions, visits and views look as rows?"""

from benchmarks.reference.clock import local_date, local_hour, seconds, utc
from benchmarks.reference.options import Options
from benchmarks.reference.sessions import first_known

_EVENT_COLUMNS = (
    "event_id",
    "student_hash",
    "event_type",
    "event_name",
    "is_id_conflict",
    "course_id",
    "chapter_id",
    "lesson_id",
    "video_id",
    "quiz_id",
    "question_id",
    "assignment_id",
    "class_id",
    "subject_id",
    "client_session_id",
    "session_id",
    "device_type",
    "os",
    "browser",
    "network_type",
    "country_code",
    "region",
    "page",
    "scroll_depth",
    "metadata",
)
_VISIT_COLUMNS = (
    "visit_id",
    "session_id",
    "student_hash",
    "course_id",
    "chapter_id",
    "scroll_depth",
    "completion_rate",
    "is_completed",
    "is_drop_off",
    "is_idle",
    "is_skim",
    "activity_kind",
    "class_id",
    "subject_id",
    "device_type",
)


def event_row(event: dict, options: Options) -> dict:
    """A row of silver.events."""
    event_date, event_hour = local_hour(event["start"], options.timezone)
    return {column: event[column] for column in _EVENT_COLUMNS} | {
        "occurred_at": utc(event["start"]),
        "ended_at": utc(event["end"]) if event["is_interval"] else None,
        "received_at": utc(event["received"]),
        "event_date": event_date,
        "event_hour": event_hour,
        "measured_seconds": seconds(event["measured"]),
    }


def session_row(session: dict, options: Options) -> dict:
    """A row of silver.sessions, without is_anomalous."""
    events = session["events"]
    device = first_known(events, "device_type")
    columns = ("browser", "os", "network_type", "class_id", "country_code", "region")
    return {
        "session_id": session["session_id"],
        "student_hash": session["student_hash"],
        "session_start": utc(session["start"]),
        "session_end": utc(session["end"]),
        "session_duration_seconds": seconds(session["end"] - session["start"]),
        "active_seconds": seconds(session["active"]),
        "event_count": len(events),
        "pages_visited": len({event["page"] for event in events} - {None}),
        "average_event_gap_seconds": _average_gap(events),
        "device_type": device,
        "is_mobile": None if device is None else device in ("mobile", "tablet"),
        **{column: first_known(events, column) for column in columns},
        "end_reason": session["end_reason"],
        "session_date": local_date(session["start"], options.timezone),
    }


def _average_gap(events: list[dict]) -> float | None:
    if len(events) == 1:
        return None
    return seconds((events[-1]["start"] - events[0]["start"]) / (len(events) - 1))


def visit_row(visit: dict, options: Options) -> dict:
    """A row of silver.chapter_visits."""
    return {column: visit[column] for column in _VISIT_COLUMNS} | {
        "started_at": utc(visit["start"]),
        "ended_at": utc(visit["end"]),
        "time_spent_seconds": seconds(visit["time"]),
        "active_seconds": seconds(visit["active"]),
        "visit_date": local_date(visit["start"], options.timezone),
    }


def view_row(view: dict, options: Options) -> dict:
    """A row of silver.video_views."""
    return {
        "student_hash": view["session"]["student_hash"],
        "session_id": view["session"]["session_id"],
        "course_id": view["course_id"],
        "chapter_id": view["chapter_id"],
        "video_id": view["video_id"],
        "started_at": utc(view["start"]),
        "watched_seconds": seconds(view["watched"]),
        "unique_watched_seconds": seconds(view["unique"]),
        "video_duration_seconds": seconds(view["length"]),
        "watch_ratio": view["ratio"],
        "rewatched_seconds": seconds(view["watched"] - view["unique"]),
        "average_playback_rate": view["watched"] / view["playing"] if view["watched"] else None,
        "playing_seconds": seconds(view["playing"]),
        "seeks_count": view["seeks"],
        "pauses_count": view["pauses"],
        "is_completed": view["is_completed"],
        "furthest_position_seconds": seconds(view["furthest"]),
        "view_date": local_date(view["start"], options.timezone),
    }
