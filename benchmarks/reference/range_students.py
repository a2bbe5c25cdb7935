"""What do students' histories add up to as of a date? Slow and obvious, one student at a time.

Silver rows in, as dicts by name of table; rows of gold over a range out, without stamps. Nothing
of a date after `as_of` counts.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from benchmarks.reference.history import (
    DATES,
    Row,
    Tables,
    by_student,
    mean,
    monday,
    total_ms,
    until,
)

_WEEK = timedelta(days=7)


def student_features(tables: Tables, as_of: date) -> list[Row]:
    """Rows of gold.student_features."""
    known = {name: by_student(until(tables, name, as_of)) for name in DATES}
    return [
        {"as_of_date": as_of, "student_hash": student}
        | _session_features(sessions, as_of)
        | _answer_features(known["question_attempts"].get(student, []), as_of)
        | _view_features(known["video_views"].get(student, []), as_of)
        for student, sessions in known["sessions"].items()
    ]


def student_profiles(tables: Tables, as_of: date, away_days: int = 7) -> list[Row]:
    """Rows of gold.student_profiles; `tables` may hold at_risk_scores."""
    known = {name: by_student(until(tables, name, as_of)) for name in DATES}
    features = {row["student_hash"]: row for row in student_features(tables, as_of)}
    scores = _newest_scores(tables.get("at_risk_scores", []), as_of)
    rows = []
    for student, events in known["events"].items():
        away = (as_of - max(event["event_date"] for event in events)).days
        risk = _risk(away / away_days, features.get(student, {}))
        rows.append(
            {
                "as_of_date": as_of,
                "student_hash": student,
                **_enrolments(events),
                **_habits(known["sessions"].get(student, []), events, as_of),
                **_answers(known["question_attempts"].get(student, [])),
                "at_risk_score": risk if scores is None else scores.get(student),
                "last_activity_at": max(event["occurred_at"] for event in events),
                "days_since_active": away,
            }
        )
    return rows


def _session_features(sessions: list[Row], as_of: date) -> Row:
    week = [s for s in sessions if (as_of - s["session_date"]).days < 7]
    month = [s for s in sessions if (as_of - s["session_date"]).days < 30]
    dates = {session["session_date"] for session in sessions}
    daily, monthly = total_ms(week) * 30, total_ms(month) * 7
    return {
        "time_spent_7d_seconds": total_ms(week) / 1000,
        "time_spent_30d_seconds": total_ms(month) / 1000,
        "sessions_7d": len(week),
        "sessions_30d": len(month),
        "active_days_7d": len({session["session_date"] for session in week}),
        "active_days_30d": len({session["session_date"] for session in month}),
        "last_login_days_ago": (as_of - max(dates)).days,
        "engagement_trend": (daily - monthly) / monthly if monthly else None,
        "streak_days": _streak(dates, as_of),
        "regularity": _regularity(dates, as_of),
    }


def _streak(dates: set[date], as_of: date) -> int:
    days = 0
    while as_of - timedelta(days=days) in dates:
        days += 1
    return days


def _regularity(dates: set[date], as_of: date) -> float | None:
    """Weekdays that neighbouring weeks share, over the larger numbers of weekdays of the two."""
    weeks = [
        {d.weekday() for d in dates if 7 * week <= (as_of - d).days < 7 * week + 7}
        for week in range(4)
    ]
    pairs = list(itertools.pairwise(weeks))
    most = sum(max(len(one), len(other)) for one, other in pairs)
    return sum(len(one & other) for one, other in pairs) / most if most else None


def _answer_features(attempts: list[Row], as_of: date) -> Row:
    recent = [a for a in attempts if (as_of - a["attempt_date"]).days < 30]
    accuracy = mean(a["is_correct"] for a in recent)
    return {"quiz_accuracy_30d": accuracy, "quiz_attempts_30d": len(recent)}


def _view_features(views: list[Row], as_of: date) -> Row:
    recent = [view for view in views if (as_of - view["view_date"]).days < 30]
    return {"video_watch_ratio_30d": mean(view["watch_ratio"] for view in recent)}


def _enrolments(events: list[Row]) -> Row:
    courses: dict[str | None, dict[str, list[datetime]]] = {}
    for event in events:
        times = courses.setdefault(event["course_id"], defaultdict(list))
        times[event["event_type"]].append(event["occurred_at"])
    enrolled = [times for times in courses.values() if times["course_enroll"]]
    states = Counter(_state(times) for times in enrolled)
    days = [_completion_days(times) for times in enrolled]
    return {
        "first_enrollment_at": min((min(t["course_enroll"]) for t in enrolled), default=None),
        "total_enrolments": len(enrolled),
        "active_enrolments": states["active"],
        "completed_enrolments": states["completed"],
        "dropped_enrolments": states["dropped"],
        "average_completion_days": mean(days),
    }


def _state(times: Mapping[str, list[datetime]]) -> str:
    if times["course_complete"]:
        return "completed"
    left = times["course_unenroll"]
    return "dropped" if left and max(left) > max(times["course_enroll"]) else "active"


def _completion_days(times: Mapping[str, list[datetime]]) -> float | None:
    begun = min(times["course_enroll"])
    since = [at for at in times["course_complete"] if at >= begun]
    return (min(since) - begun) / timedelta(days=1) if since else None


def _habits(sessions: list[Row], events: list[Row], as_of: date) -> Row:
    of_session = defaultdict(list)
    for event in events:
        of_session[event["session_id"]].append(event)
    first = [min(of_session[s["session_id"]], key=_order, default=None) for s in sessions]
    dates = [session["session_date"] for session in sessions]
    total, mondays = total_ms(sessions), {monday(d) for d in dates}
    weeks = (monday(as_of) - min(mondays)) // _WEEK + 1 if mondays else 0
    return {
        "total_hours": total / 3_600_000,
        "average_daily_minutes": total / len(set(dates)) / 60_000 if dates else None,
        "preferred_hour": _most_often(event["event_hour"] for event in first if event),
        "preferred_weekday": _most_often(d.isoweekday() for d in dates),
        "learning_consistency_score": len(mondays) / weeks if weeks else None,
    }


def _answers(attempts: list[Row]) -> Row:
    accuracy = mean(attempt["is_correct"] for attempt in attempts)
    score = mean(attempt["score"] for attempt in attempts)
    return {"overall_average_score": score, "quiz_accuracy": accuracy}


def _risk(absences: float, features: Row) -> float:
    """Weighted mean of what is known; `absences`: time away over the time that counts as away."""
    parts = [(0.5, 1 - 0.5**absences)]
    if (trend := features.get("engagement_trend")) is not None:
        parts.append((0.3, max(0.0, -trend)))
    if (accuracy := features.get("quiz_accuracy_30d")) is not None:
        parts.append((0.2, 1 - accuracy))
    return sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts)


def _newest_scores(rows: list[Row], as_of: date) -> dict[str, float] | None:
    """Largest score by student, of the newest date; None before any was made."""
    known = [row for row in rows if row["as_of_date"] <= as_of]
    newest = max((row["as_of_date"] for row in known), default=None)
    scores = by_student([row for row in known if row["as_of_date"] == newest])
    largest = {student: max(row["score"] for row in of) for student, of in scores.items()}
    return largest or None


def _order(event: Row) -> tuple[datetime, str]:
    return event["occurred_at"], event["event_id"]


def _most_often(values: Iterable[int]) -> int | None:
    """The value that occurs most, of several the smallest."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None
