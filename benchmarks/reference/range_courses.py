"""What do all visits of chapters and courses add up to, up to and including a date?

Rows of silver and of the dimensions go in as dicts, rows of gold come out, both without what names
the run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from benchmarks.reference.chapters import quantile
from benchmarks.reference.derived import group
from benchmarks.reference.gold import mean, students_of
from benchmarks.reference.history import Tables, until

FEWEST_STUDENTS = 5
_OF_A_COURSE = ("chapter_id", "lesson_id", "video_id", "quiz_id", "assignment_id")
_QUANTILES = {"median": 0.5, "p5": 0.05, "p25": 0.25, "p75": 0.75, "p95": 0.95}


@dataclass
class History:
    """Rows by then. An answer has the course and chapter of its event as well."""

    as_of: date
    events: list[dict]
    sessions: list[dict]
    visits: list[dict]
    views: list[dict]
    answers: list[dict]
    chapters: list[dict]
    questions: list[dict]


def history_until(as_of: date, tables: Tables) -> History:
    """What was known at the end of that date. `tables`: by name, those not given are empty."""
    return History(
        as_of,
        until(tables, "events", as_of),
        until(tables, "sessions", as_of),
        until(tables, "chapter_visits", as_of),
        until(tables, "video_views", as_of),
        until(tables, "question_attempts", as_of),
        list(tables.get("dim_chapters", ())),
        list(tables.get("dim_questions", ())),
    )


def events_of_courses(history: History) -> list[dict]:
    """Events that name a course, or could: those that name none are of the unknown one."""
    return [event for event in history.events if _is_of_a_course(event)]


def _is_of_a_course(event: dict) -> bool:
    if event["course_id"] is not None or event["event_type"].startswith(("course_", "quiz_")):
        return True
    return any(event[column] is not None for column in _OF_A_COURSE)


def whole_ms(rows: Iterable[dict], column: str = "time_spent_seconds") -> list[int]:
    """A column of seconds in milliseconds."""
    return [round(row[column] * 1000) for row in rows]


def seconds(milliseconds: float | None) -> float | None:
    """Milliseconds in seconds; None stays None."""
    return None if milliseconds is None else milliseconds / 1000


def share_of(rows: Iterable[dict], column: str) -> float | None:
    """The share of true ones among those that are known."""
    known = [row[column] for row in rows if row[column] is not None]
    return mean([float(value) for value in known])


def chapter_engagement_summary(history: History) -> list[dict]:
    """Rows of gold.chapter_engagement_summary."""
    groups = group(history.visits, "student_hash", "course_id", "chapter_id")
    return [
        {
            "as_of_date": history.as_of,
            "student_hash": key[0],
            "course_id": key[1],
            "chapter_id": key[2],
            "total_time_spent_seconds": seconds(sum(whole_ms(visits))),
            "average_time_spent_seconds": seconds(mean(whole_ms(visits))),
            "active_seconds": seconds(sum(whole_ms(visits, "active_seconds"))),
            "visits_count": len(visits),
            "last_visited_at": max(visit["started_at"] for visit in visits),
            "completion_rate": _largest(visits, "completion_rate"),
            "is_drop_off": _is_drop_off(visits),
        }
        for key, visits in groups.items()
    ]


def _largest(visits: list[dict], column: str) -> float | None:
    return max((v[column] for v in visits if v[column] is not None), default=None)


def _is_drop_off(visits: list[dict]) -> bool | None:
    depth = _largest(visits, "scroll_depth")
    if depth is None:
        return None
    return depth < 50 and not any(visit["is_completed"] for visit in visits)


def chapter_difficulty(history: History) -> list[dict]:
    """Rows of gold.chapter_difficulty."""
    answers = group(history.answers, "course_id", "chapter_id")
    rows = []
    for key, visits in group(history.visits, "course_id", "chapter_id").items():
        row = {
            "as_of_date": history.as_of,
            "course_id": key[0],
            "chapter_id": key[1],
            "students": students_of(visits),
            "median_active_seconds": _median(visits, "active_seconds"),
            "drop_off_rate": share_of(visits, "is_drop_off"),
            "quiz_accuracy": share_of(answers.get(key, []), "is_correct"),
        }
        rows.append(row)
    for of_course in group(rows, "course_id").values():
        _rank(of_course, history)
    return [row | {"difficulty_score": _difficulty(row)} for row in rows]


def _median(visits: list[dict], column: str) -> float:
    return quantile(whole_ms(visits, column), 0.5) / 1000


def _rank(rows: list[dict], history: History) -> None:
    """Give the chapters of a course their PERCENT_RANK by time, 0 for an only one."""
    expected = [_expected_ms(row, history) for row in rows]
    times = [row["median_active_seconds"] * 1000 for row in rows]
    if all(expected):
        times = [time / whole for time, whole in zip(times, expected, strict=True)]
    for row, time in zip(rows, times, strict=True):
        shorter = sum(other < time for other in times)
        row["time_rank"] = shorter / (len(times) - 1) if len(times) > 1 else 0.0


def _expected_ms(row: dict, history: History) -> int:
    """0 where it is unknown."""
    for chapter in history.chapters:
        is_same = chapter["course_id"] == row["course_id"]
        if is_same and chapter["chapter_id"] == row["chapter_id"]:
            return round(max(chapter["expected_minutes"] or 0, 0) * 60_000)
    return 0


def _difficulty(row: dict) -> float | None:
    if row["students"] < FEWEST_STUDENTS:
        return None
    parts = [(0.5, row["time_rank"]), (0.3, row["drop_off_rate"])]
    if row["quiz_accuracy"] is not None:
        parts.append((0.2, 1 - row["quiz_accuracy"]))
    known = [(weight, part) for weight, part in parts if part is not None]
    return sum(weight * part for weight, part in known) / sum(weight for weight, _ in known)


def chapter_analytics(history: History) -> list[dict]:
    """Rows of gold.chapter_analytics."""
    difficulty = group(chapter_difficulty(history), "course_id", "chapter_id")
    return [
        {
            "as_of_date": history.as_of,
            "course_id": key[0],
            "chapter_id": key[1],
            **_times(visits),
            "total_visits": len(visits),
            "unique_students": students_of(visits),
            "drop_off_rate": share_of(visits, "is_drop_off"),
            "completion_rate": share_of(visits, "is_completed"),
            "difficulty_score": difficulty[key][0]["difficulty_score"],
        }
        for key, visits in group(history.visits, "course_id", "chapter_id").items()
    ]


def _times(visits: list[dict]) -> dict:
    times = whole_ms(visits)
    sums = [sum(whole_ms(own)) for own in group(visits, "student_hash").values()]
    quantiles = {
        f"{name}_time_spent_seconds": seconds(quantile(times, share))
        for name, share in _QUANTILES.items()
    }
    return quantiles | {
        "average_time_spent_seconds": seconds(mean(times)),
        "average_time_per_student_seconds": seconds(mean(sums)),
        "median_time_per_student_seconds": seconds(quantile(sums, 0.5)),
    }
