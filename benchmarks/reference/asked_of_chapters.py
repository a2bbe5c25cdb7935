"""What is the answer to each question about chapters, courses, videos and quizzes?"""

from typing import Any

from benchmarks.reference.asked import (
    Asked,
    Row,
    Tables,
    as_of,
    distinct,
    grouped,
    last,
    of_chapter,
    of_course,
    of_days,
    ordered,
    quantile,
    ratio,
    share,
    total_ms,
)

_PARTS = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
_TIME = "time_spent_seconds"


def _visits(tables: Tables, asked: Asked) -> dict[tuple, list[Row]]:
    return grouped(of_days(tables, "chapter_visits", asked), "course_id", "chapter_id")


def _whole_ms(visits: list[Row]) -> list[int]:
    return [round(visit[_TIME] * 1000) for visit in visits]


def _ids(row: Row) -> tuple:
    return last(row["course_id"]), last(row.get("chapter_id")), last(row.get("video_id"))


def time_per_chapter(tables: Tables, asked: Asked) -> list[Row]:
    """Hours by chapter, and its places from both ends."""
    times = {place: total_ms(rows, _TIME) for place, rows in _visits(tables, asked).items()}
    rows = [
        {
            **of_chapter(tables, *place),
            "hours": times[place] / 3_600_000,
            "minutes_per_visit": times[place] / 60_000 / len(visits),
            "n": len(visits),
            "place_from_most": 1 + sum(other > times[place] for other in times.values()),
            "place_from_least": 1 + sum(other < times[place] for other in times.values()),
        }
        for place, visits in _visits(tables, asked).items()
    ]
    return ordered(rows, lambda row: (row["place_from_most"], _ids(row)))


def average_and_median(tables: Tables, asked: Asked) -> list[Row]:
    """Mean and median by chapter, of all history."""
    rows = [
        {
            **of_chapter(tables, row["course_id"], row["chapter_id"]),
            "average_minutes": row["average_time_spent_seconds"] / 60,
            "median_minutes": row["median_time_spent_seconds"] / 60,
            "average_over_median": ratio(
                row["average_time_spent_seconds"], row["median_time_spent_seconds"]
            ),
            "n": row["total_visits"],
            "students": row["unique_students"],
        }
        for row in as_of(tables, "chapter_analytics", asked)
    ]
    return ordered(rows, lambda row: (_down(row["average_over_median"]), _ids(row)))


def time_distribution(tables: Tables, asked: Asked) -> list[Row]:
    """Quantiles by chapter, from every single visit."""
    rows = []
    for place, visits in _visits(tables, asked).items():
        times = _whole_ms(visits)
        parts = {name: quantile(times, part) / 60_000 for name, part in _PARTS.items()}
        average = sum(times) / len(times) / 60_000
        rows.append({**of_chapter(tables, *place), **parts, "average": average, "n": len(visits)})
    return ordered(rows, lambda row: (-row["median"], _ids(row)))


def drop_off(tables: Tables, asked: Asked) -> list[Row]:
    """Drop-offs by chapter, from every single visit."""
    rows = []
    for place, visits in _visits(tables, asked).items():
        known = [visit["is_drop_off"] for visit in visits if visit["is_drop_off"] is not None]
        counts = {"drop_offs": sum(known), "n": len(known), "drop_off_rate": share(known)}
        rows += [{**of_chapter(tables, *place), **counts}] if known else []
    return ordered(rows, lambda row: (-row["drop_off_rate"], -row["n"], _ids(row)))


def chapter_reach(tables: Tables, asked: Asked) -> list[Row]:
    """Distinct students by chapter and by course."""
    courses = grouped(of_days(tables, "chapter_visits", asked), "course_id")
    rows = []
    for place, visits in _visits(tables, asked).items():
        students, n = distinct(visits), distinct(courses[place[:1]])
        counts = {"students": students, "share_of_course": students / n, "n": n}
        rows.append({**of_chapter(tables, *place), **counts})
    return ordered(
        rows, lambda row: (last(row["course_id"]), last(row["chapter_order"]), row["chapter_id"])
    )


def where_students_stop(tables: Tables, asked: Asked) -> list[Row]:
    """Stopped students by chapter."""
    rows = [
        {
            **of_chapter(tables, row["course_id"], row["chapter_id"]),
            "chapter_order": row["chapter_order"],
            "stopped_share": row["drop_off_index"],
            "stopped": row["students_stopped"],
            "n": row["students_reached"],
        }
        for row in as_of(tables, "course_dropoff", asked)
    ]
    return ordered(rows, lambda row: (-row["stopped_share"], -row["n"], _ids(row)))


def hardest_chapters(tables: Tables, asked: Asked) -> list[Row]:
    """Chapters with a difficulty."""
    kept = ("difficulty_score", "time_rank", "drop_off_rate", "quiz_accuracy")
    rows = [
        {
            **of_chapter(tables, row["course_id"], row["chapter_id"]),
            **{name: row[name] for name in kept},
            "median_active_minutes": row["median_active_seconds"] / 60,
            "n": row["students"],
        }
        for row in as_of(tables, "chapter_difficulty", asked)
        if row["difficulty_score"] is not None
    ]
    return ordered(rows, lambda row: (-row["difficulty_score"], _ids(row)))


def hardest_questions(tables: Tables, asked: Asked) -> list[Row]:
    """Wrong answers by question, from every single answer."""
    answers = [
        row for row in of_days(tables, "question_attempts", asked) if row["is_correct"] is not None
    ]
    rows = []
    for (quiz, question), given in grouped(answers, "quiz_id", "question_id").items():
        wrong = sum(not row["is_correct"] for row in given)
        names = {"quiz": quiz or "(no quiz)", "question": question or "(no id)"}
        hard = {"wrong_rate": wrong / len(given), "difficulty": (wrong + 1) / (len(given) + 2)}
        place = (last(quiz), last(question))
        rows.append({**names, **hard, "wrong": wrong, "n": len(given), "_place": place})
    return ordered(rows, lambda row: (-row["difficulty"], -row["n"], row["_place"]))


def quiz_accuracy(tables: Tables, asked: Asked) -> list[Row]:
    """Right answers by the chapter that the event of the answer names."""
    answers = [
        row for row in of_days(tables, "question_attempts", asked) if row["is_correct"] is not None
    ]
    by_place = grouped(answers, "course_id", "chapter_id")
    rows = [
        {
            **of_chapter(tables, *place),
            "accuracy": share(answer["is_correct"] for answer in answers),
            "students": distinct(answers),
            "n": len(answers),
        }
        for place, answers in by_place.items()
    ]
    return ordered(rows, lambda row: (row["accuracy"], -row["n"], _ids(row)))


def video_drop_off(tables: Tables, asked: Asked) -> list[Row]:
    """Shares of the views that got to each quarter of a video."""
    views = of_days(tables, "video_views", asked)
    rows = []
    for (course, video), seen in grouped(views, "course_id", "video_id").items():
        known = [view for view in seen if view["video_duration_seconds"] is not None]
        quarters = {f"reached_{25 * part}": _reached(known, part) for part in range(1, 5)}
        ratios = [view["watch_ratio"] for view in seen if view["watch_ratio"] is not None]
        others = {
            "watch_ratio": ratio(sum(ratios), len(ratios)),
            "completion_rate": share(view["is_completed"] for view in seen),
        }
        counts = {"views": len(seen), "n": len(known)}
        named = {**of_course(tables, course), "video_id": video}
        rows.append({**named, **quarters, **others, **counts})
    return ordered(rows, lambda row: (last(row["reached_50"]), -row["n"], _ids(row)))


def _reached(views: list[Row], quarters: int) -> float | None:
    furthest = [
        (view["furthest_position_seconds"] or -1.0, view["video_duration_seconds"])
        for view in views
    ]
    return share(place * 20 >= 5 * quarters * length for place, length in furthest)


def course_comparison(tables: Tables, asked: Asked) -> list[Row]:
    """Courses by student, of all history."""
    same = ("sessions_per_student", "completion_rate", "drop_off_rate", "quiz_accuracy")
    rows = []
    for row in as_of(tables, "course_comparison", asked):
        time = row["time_per_student_seconds"]
        found: dict[str, Any] = {name: row[name] for name in (*same, "enrolled_students")}
        found["hours_per_student"] = None if time is None else time / 3600
        found["watch_ratio"] = row["video_watch_ratio_average"]
        rows.append({**of_course(tables, row["course_id"]), **found, "n": row["students"]})
    return ordered(rows, lambda row: (-row["n"], _ids(row)))


def course_visits(tables: Tables, asked: Asked) -> list[Row]:
    """Courses by visit, from every single visit."""
    rows = []
    for (course,), visits in grouped(of_days(tables, "chapter_visits", asked), "course_id").items():
        drops = [v["is_drop_off"] for v in visits if v["is_drop_off"] is not None]
        done = [v["is_completed"] for v in visits if v["is_completed"] is not None]
        rates = {"drop_off_rate": share(drops), "completion_rate": share(done)}
        counts = {"drop_off_n": len(drops), "completion_n": len(done), "n": len(visits)}
        median = quantile(_whole_ms(visits), 0.5) / 60_000
        times = {"hours": total_ms(visits, _TIME) / 3_600_000, "median_minutes": median}
        rows.append({**of_course(tables, course), **times, **rates, **counts})
    return ordered(rows, lambda row: (-row["hours"], _ids(row)))


def _down(value: float | None) -> tuple:
    """A key to sort by: largest first, null last."""
    return last(None if value is None else -value)
