"""What do students, devices, places, questions and videos add up to on a day?"""

import math
from datetime import date

from benchmarks.reference.clock import local_date, seconds
from benchmarks.reference.derived import Derived, group
from benchmarks.reference.options import Options
from benchmarks.reference.sessions import first_known
from benchmarks.reference.taxonomy import weight_tenths


def mean(values: list[float]) -> float | None:
    """Arithmetic mean, exact in its sum; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def students_of(things: list[dict]) -> int:
    """Number of distinct students."""
    return len({thing["student_hash"] for thing in things})


def _dated(things: list[dict], options: Options) -> list[dict]:
    return [{**thing, "date": local_date(thing["start"], options.timezone)} for thing in things]


def _duration(session: dict) -> int:
    return session["end"] - session["start"]


def _total(sessions: list[dict]) -> float:
    return seconds(sum(map(_duration, sessions)))


def session_daily_stats(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.session_daily_stats."""
    rows = []
    for key, sessions in group(_dated(derived.sessions, options), "date", "student_hash").items():
        durations = [_duration(session) for session in sessions]
        rows.append(
            {
                "date": key[0],
                "student_hash": key[1],
                "total_sessions": len(sessions),
                "total_time_spent_seconds": seconds(sum(durations)),
                "average_session_duration_seconds": seconds(sum(durations) / len(durations)),
                "longest_session_seconds": seconds(max(durations)),
                "shortest_session_seconds": seconds(min(durations)),
            }
        )
    return rows


def student_daily_activity(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.student_daily_activity: every date with an event."""
    columns = ("date", "student_hash")
    sessions = group(_dated(derived.sessions, options), *columns)
    visits = group(_dated(derived.visits, options), *columns)
    views = [view | {"student_hash": view["session"]["student_hash"]} for view in derived.views]
    views = group(_dated(views, options), *columns)
    rows = []
    for key, events in group(_dated(derived.events, options), *columns).items():
        of_key = (sessions.get(key, []), visits.get(key, []), views.get(key, []))
        rows.append({"date": key[0], "student_hash": key[1], **_activity(events, *of_key)})
    return rows


def _activity(
    events: list[dict], sessions: list[dict], visits: list[dict], views: list[dict]
) -> dict:
    kinds = [event["event_type"] for event in events]
    quizzes = {event["quiz_id"] for event in events if event["event_type"].startswith("quiz_")}
    active = sum(session["active"] for session in sessions)
    chapters = {(visit["course_id"], visit["chapter_id"]) for visit in visits}
    return {
        "total_sessions": len(sessions),
        "total_time_spent_seconds": _total(sessions),
        "active_seconds": seconds(active),
        "pages_viewed": kinds.count("page_view") + kinds.count("chapter_view"),
        "quizzes_attempted": len(quizzes - {None}),
        "videos_watched_seconds": seconds(sum(view["watched"] for view in views)),
        "assignments_submitted": kinds.count("assignment_submit"),
        "engagement_score": _score(active, sum(map(weight_tenths, kinds)), len(chapters)),
    }


def _score(active: int, tenths: int, chapters: int) -> float:
    time_part = 0.4 * min(1, active / 3_600_000)
    weight_part = 0.4 * min(1, tenths / 600)
    return 100 * (time_part + weight_part + 0.2 * min(1, chapters / 3))


def device_daily(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.device_daily."""
    return _sessions_by(("device_type",), derived, options)


def geo_daily(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.geo_daily."""
    return _sessions_by(("country_code", "region"), derived, options)


def _sessions_by(columns: tuple[str, ...], derived: Derived, options: Options) -> list[dict]:
    sessions = _dated(derived.sessions, options)
    for session in sessions:
        session.update({column: first_known(session["events"], column) for column in columns})
    return [
        dict(zip(("date", *columns), key, strict=True)) | _session_counts(members)
        for key, members in group(sessions, "date", *columns).items()
    ]


def _session_counts(sessions: list[dict]) -> dict:
    return {
        "sessions_count": len(sessions),
        "active_students": students_of(sessions),
        "total_time_spent_seconds": _total(sessions),
    }


def platform_daily(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.platform_daily."""
    sessions = group(_dated(derived.sessions, options), "date")
    return [
        _platform(key[0], events, sessions.get(key, []))
        for key, events in group(_dated(derived.events, options), "date").items()
    ]


def _platform(day: date, events: list[dict], sessions: list[dict]) -> dict:
    kinds = [event["event_type"] for event in events]
    return {
        "date": day,
        "active_students": students_of(events),
        "events_count": len(events),
        "sessions_count": len(sessions),
        "total_time_spent_seconds": _total(sessions),
        "enrolments_count": kinds.count("course_enroll"),
        "completions_count": kinds.count("course_complete"),
    }


def question_attempts_summary(derived: Derived) -> list[dict]:
    """Rows of gold.question_attempts_summary."""
    groups = group(derived.attempts, "attempt_date", "quiz_id", "question_id")
    return [_summary(key, attempts) for key, attempts in groups.items()]


def _summary(key: tuple, attempts: list[dict]) -> dict:
    known = [a["is_correct"] for a in attempts if a["is_correct"] is not None]
    times = [a["time"] for a in attempts if a["time"] is not None]
    return {
        "date": key[0],
        "quiz_id": key[1],
        "question_id": key[2],
        "attempts_count": len(attempts),
        "known_count": len(known),
        "correct_count": known.count(True),
        "average_time_spent_seconds": seconds(mean(times)),
        "timed_count": len(times),
        "difficulty_estimate": (known.count(False) + 1) / (len(known) + 2),
    }


def video_engagement(derived: Derived, options: Options) -> list[dict]:
    """Rows of gold.video_engagement."""
    groups = group(_dated(derived.views, options), "date", "course_id", "video_id")
    return [_engagement(key, views) for key, views in groups.items()]


def _engagement(key: tuple, views: list[dict]) -> dict:
    watched = sum(view["watched"] for view in views)
    playing = math.fsum(view["playing"] for view in views)
    rewatched = watched - sum(view["unique"] for view in views)
    ratios = [view["ratio"] for view in views if view["ratio"] is not None]
    completed = sum(view["is_completed"] for view in views)
    return {
        "date": key[0],
        "course_id": key[1],
        "video_id": key[2],
        "viewers": students_of([view["session"] for view in views]),
        "views_count": len(views),
        "watched_seconds": seconds(watched),
        "average_watch_ratio": mean(ratios),
        "watch_ratio_known_count": len(ratios),
        "completed_count": completed,
        "completion_rate": completed / len(views),
        "rewatch_ratio": rewatched / watched if watched else None,
        "average_playback_rate": watched / playing if watched else None,
        "drop_off_curve": _curve([view for view in views if view["length"] is not None]),
    }


def _curve(views: list[dict]) -> list[float] | None:
    if not views:
        return None
    return [sum(_reached(view, k) for view in views) / len(views) for k in range(1, 21)]


def _reached(view: dict, twentieths: int) -> bool:
    furthest = view["furthest"]
    return furthest is not None and furthest * 20 >= twentieths * view["length"]
