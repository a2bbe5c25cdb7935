"""How do cohorts, assignments and skills stand as of a date? Slow and obvious.

Rows in and out as in `range_students`.
"""

from collections import defaultdict
from datetime import date, timedelta

from benchmarks.reference.history import Row, Tables, by_student, monday, until

_WEEK = timedelta(days=7)


def cohort_retention(tables: Tables, as_of: date) -> list[Row]:
    """Rows of gold.cohort_retention: every week from a cohort's own to that of `as_of`."""
    weeks = {
        student: {monday(session["session_date"]) for session in sessions}
        for student, sessions in by_student(until(tables, "sessions", as_of)).items()
    }
    cohorts = defaultdict(list)
    for student, active in weeks.items():
        cohorts[min(active)].append(student)
    rows = []
    for cohort, students in cohorts.items():
        for number in range((monday(as_of) - cohort) // _WEEK + 1):
            back = [s for s in students if cohort + number * _WEEK in weeks[s]]
            rows.append(
                {
                    "as_of_date": as_of,
                    "cohort_week": cohort,
                    "week_number": number,
                    "cohort_students": len(students),
                    "retained_students": len(back),
                    "retention_rate": len(back) / len(students),
                }
            )
    return rows


def assignment_status(tables: Tables, as_of: date) -> list[Row]:
    """Rows of gold.assignment_status."""
    times: dict[tuple, dict[str, list]] = {}
    for event in until(tables, "events", as_of):
        kind, assignment = event["event_type"], event["assignment_id"]
        if kind in ("assignment_start", "assignment_submit") and assignment is not None:
            key = (event["student_hash"], event["course_id"], assignment)
            times.setdefault(key, defaultdict(list))[kind].append(event["occurred_at"])
    return [
        {
            "as_of_date": as_of,
            "student_hash": student,
            "course_id": course,
            "assignment_id": assignment,
            "started_at": min(found["assignment_start"], default=None),
            "submitted_at": max(found["assignment_submit"], default=None),
            "status": "submitted" if found["assignment_submit"] else "started",
        }
        for (student, course, assignment), found in times.items()
    ]


def skill_mastery(tables: Tables, as_of: date, pass_mark: float = 0.6) -> list[Row]:
    """Rows of gold.skill_mastery; `tables` hold dim_questions."""
    skills = {(q["quiz_id"], q["question_id"]): q["skill_id"] for q in tables["dim_questions"]}
    results = defaultdict(list)
    for attempt in until(tables, "question_attempts", as_of):
        skill = skills.get((attempt["quiz_id"], attempt["question_id"]))
        if skill is not None and attempt["is_correct"] is not None:
            results[attempt["student_hash"], skill].append(attempt["is_correct"])
    return [
        {
            "as_of_date": as_of,
            "student_hash": student,
            "skill_id": skill,
            "attempts_count": len(known),
            "correct_count": sum(known),
            "accuracy": sum(known) / len(known),
            "mastery": (sum(known) + 1) / (len(known) + 2),
            "is_gap": len(known) >= 3 and (sum(known) + 1) / (len(known) + 2) < pass_mark,
        }
        for (student, skill), known in results.items()
    ]
