"""How far did each student come in each course, and where do courses lose them?"""

from datetime import date, timedelta

from benchmarks.reference.derived import group
from benchmarks.reference.gold import mean, students_of
from benchmarks.reference.range_courses import (
    History,
    events_of_courses,
    seconds,
    share_of,
    whole_ms,
)

KINDS = ("video", "reading", "quiz")
_NOTHING: dict = {"events": [], "visits": [], "views": [], "answers": []}


def student_course_metrics(history: History, pass_mark: float = 0.6) -> list[dict]:
    """Rows of gold.student_course_metrics. `pass_mark`: of quizzes that have none of their own."""
    return [
        {
            "as_of_date": history.as_of,
            "student_hash": student,
            "course_id": course,
            **_progress(course, facts, history),
            **_time_by_kind(facts["visits"]),
            **_sessions(facts["visits"], history),
            **_videos(facts["views"]),
            **_quizzes(facts, history, pass_mark),
            "assignments_submitted": _distinct(
                _of_type(facts["events"], "assignment_submit"), "assignment_id"
            ),
            **_last_activity(facts),
            "streak_days": _streak(student, history),
        }
        for (student, course), facts in _facts_by_student_and_course(history).items()
    ]


def _facts_by_student_and_course(history: History) -> dict[tuple, dict]:
    parts = {
        "events": events_of_courses(history),
        "visits": history.visits,
        "views": history.views,
        "answers": history.answers,
    }
    facts: dict[tuple, dict] = {}
    for name, rows in parts.items():
        for key, members in group(rows, "student_hash", "course_id").items():
            facts.setdefault(key, dict(_NOTHING))[name] = members
    return facts


def _progress(course: str | None, facts: dict, history: History) -> dict:
    catalogue = [row for row in history.chapters if row["course_id"] == course]
    known = {row["chapter_id"] for row in catalogue}
    lessons = {lesson for row in catalogue for lesson in row["lesson_ids"] or ()}
    started = {visit["chapter_id"] for visit in facts["visits"]}
    completed = {visit["chapter_id"] for visit in facts["visits"] if visit["is_completed"]}
    counted, chapters = (completed & known, known) if known else (completed, started)
    has_ended = bool(_of_type(facts["events"], "course_complete"))
    return {
        "completion_ratio": len(counted) / len(chapters) if chapters else None,
        "is_completed": has_ended or (bool(known) and known <= completed),
        "lessons_started": _distinct(facts["events"], "lesson_id"),
        "lessons_completed": _distinct(_of_type(facts["events"], "lesson_complete"), "lesson_id"),
        "total_lessons": len(lessons) or None,
        "chapters_started": len(started),
        "chapters_completed": len(completed),
        "total_chapters": len(known) or None,
    }


def _of_type(events: list[dict], event_type: str) -> list[dict]:
    return [event for event in events if event["event_type"] == event_type]


def _distinct(rows: list[dict], column: str) -> int:
    return len({row[column] for row in rows} - {None})


def _time_by_kind(visits: list[dict]) -> dict:
    times = {"time_spent_total_seconds": seconds(sum(whole_ms(visits)))}
    for kind in KINDS:
        of_kind = [visit for visit in visits if visit["activity_kind"] == kind]
        times[f"time_spent_{kind}_seconds"] = seconds(sum(whole_ms(of_kind)))
    return times


def _sessions(visits: list[dict], history: History) -> dict:
    ids = {visit["session_id"] for visit in visits}
    sessions = [session for session in history.sessions if session["session_id"] in ids]
    return {
        "sessions_count": len(ids),
        "average_session_duration_seconds": seconds(
            mean(whole_ms(sessions, "session_duration_seconds"))
        ),
    }


def _videos(views: list[dict]) -> dict:
    played = [view for view in views if view["watched_seconds"] > 0]
    return {
        "videos_watched": _distinct(played, "video_id"),
        "video_watch_ratio_average": _average_ratio(views),
    }


def _average_ratio(views: list[dict]) -> float | None:
    return mean([view["watch_ratio"] for view in views if view["watch_ratio"] is not None])


def _quizzes(facts: dict, history: History, pass_mark: float) -> dict:
    of_quizzes = [event for event in facts["events"] if event["event_type"].startswith("quiz_")]
    named = [answer for answer in facts["answers"] if answer["quiz_id"] is not None]
    passed = [
        quiz
        for (quiz,), answers in group(named, "quiz_id").items()
        if _best_day(answers) >= _pass_mark(quiz, history, pass_mark)
    ]
    return {
        "quizzes_attempted": _distinct(of_quizzes, "quiz_id"),
        "quizzes_passed": len(passed),
        "quiz_average_score": share_of(facts["answers"], "is_correct"),
    }


def _best_day(answers: list[dict]) -> float:
    """The best daily accuracy; -1, which passes nothing, when no result is known."""
    shares = [share_of(day, "is_correct") for day in group(answers, "attempt_date").values()]
    return max((share for share in shares if share is not None), default=-1.0)


def _pass_mark(quiz: str, history: History, otherwise: float) -> float:
    marks = [row["pass_mark"] for row in history.questions if row["quiz_id"] == quiz]
    return max((mark for mark in marks if mark is not None), default=otherwise)


def _last_activity(facts: dict) -> dict:
    moments = [(event["occurred_at"], event["event_date"]) for event in facts["events"]]
    moments += [(visit["started_at"], visit["visit_date"]) for visit in facts["visits"]]
    moments += [(view["started_at"], view["view_date"]) for view in facts["views"]]
    last_at, last_date = max(moments)
    return {"last_activity_at": last_at, "last_activity_date": last_date}


def _streak(student: str, history: History) -> int:
    dates = {s["session_date"] for s in history.sessions if s["student_hash"] == student}
    days = 0
    while _days_before(history.as_of, days) in dates:
        days += 1
    return days


def _days_before(day: date, days: int) -> date:
    return day - timedelta(days=days)


def course_comparison(history: History) -> list[dict]:
    """Rows of gold.course_comparison."""
    enrolments = _by_course(_of_type(history.events, "course_enroll"))
    visits, views = _by_course(history.visits), _by_course(history.views)
    answers = _by_course(history.answers)
    rows = []
    for course in _by_course(events_of_courses(history)) | visits | views:
        own = visits.get(course, [])
        students = students_of(own)
        sessions = {visit["session_id"] for visit in own}
        row = {
            "as_of_date": history.as_of,
            "course_id": course,
            "enrolled_students": students_of(enrolments.get(course, [])),
            "students": students,
            "time_per_student_seconds": sum(whole_ms(own)) / 1000 / students if students else None,
            "sessions_per_student": len(sessions) / students if students else None,
            "completion_rate": share_of(own, "is_completed"),
            "drop_off_rate": share_of(own, "is_drop_off"),
            "quiz_accuracy": share_of(answers.get(course, []), "is_correct"),
            "video_watch_ratio_average": _average_ratio(views.get(course, [])),
        }
        rows.append(row)
    return rows


def _by_course(rows: list[dict]) -> dict[str | None, list[dict]]:
    return {course: members for (course,), members in group(rows, "course_id").items()}


def course_dropoff(history: History, away_days: int = 7) -> list[dict]:
    """Rows of gold.course_dropoff."""
    left: dict[tuple, set[str]] = {}
    for metrics in student_course_metrics(history):
        is_away = (history.as_of - metrics["last_activity_date"]).days >= away_days
        if metrics["chapters_started"] and is_away and not metrics["is_completed"]:
            course, student = metrics["course_id"], metrics["student_hash"]
            place = course, _last_chapter(student, course, history)
            left.setdefault(place, set()).add(student)
    return [
        {
            "as_of_date": history.as_of,
            "course_id": key[0],
            "chapter_id": key[1],
            "chapter_order": _order(key, history),
            "students_reached": students_of(visits),
            "students_stopped": len(left.get(key, ())),
            "drop_off_index": len(left.get(key, ())) / students_of(visits),
        }
        for key, visits in group(history.visits, "course_id", "chapter_id").items()
    ]


def _last_chapter(student: str, course: str | None, history: History) -> str:
    own = [
        (visit["started_at"], visit["chapter_id"])
        for visit in history.visits
        if visit["student_hash"] == student and visit["course_id"] == course
    ]
    return max(own)[1]


def _order(place: tuple, history: History) -> int | None:
    orders = (
        row["chapter_order"]
        for row in history.chapters
        if (row["course_id"], row["chapter_id"]) == place
    )
    return next(orders, None)
