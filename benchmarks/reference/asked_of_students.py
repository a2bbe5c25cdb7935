"""What is the answer to each question about students and their days, and to all of them?"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from benchmarks.reference import asked_of_chapters as of_chapters
from benchmarks.reference.asked import (
    Asked,
    Row,
    Tables,
    as_of,
    distinct,
    grouped,
    of_days,
    ordered,
    total_ms,
)

_MOST_STUDENTS = 100
_TIME = "session_duration_seconds"


def headline(tables: Tables, asked: Asked) -> list[Row]:
    """The school in one row, from every single event."""
    events, sessions = (of_days(tables, name, asked) for name in ("events", "sessions"))
    by_day = grouped(events, "event_date")
    if not events:
        return []
    return [
        {
            "first_date": min(by_day)[0],
            "last_date": max(by_day)[0],
            "students": distinct(events),
            "students_per_day": sum(map(distinct, by_day.values())) / len(by_day),
            "sessions": len(sessions),
            "hours": total_ms(sessions, _TIME) / 3_600_000,
            "visits": len(of_days(tables, "chapter_visits", asked)),
            "n": len(events),
        }
    ]


def top_students(tables: Tables, asked: Asked) -> list[Row]:
    """Students by the mean of their daily scores, days without events counting as 0."""
    days = (asked.end_date - asked.start_date).days + 1
    daily = grouped(of_days(tables, "student_daily_activity", asked), "student_hash")
    rows = [
        {
            "student_hash": student,
            "engagement_score": sum(row["engagement_score"] for row in rows) / days,
            "active_hours": total_ms(rows, "active_seconds") / 3_600_000,
            "sessions": sum(row["total_sessions"] for row in rows),
            "videos_hours": sum(row["videos_watched_seconds"] for row in rows) / 3600,
            "quizzes": sum(row["quizzes_attempted"] for row in rows),
            "n": len(rows),
        }
        for (student,), rows in daily.items()
    ]
    best = ordered(
        rows,
        lambda row: (
            -round(row["engagement_score"] * days, 6),
            -row["active_hours"],
            row["student_hash"],
        ),
    )
    return [{"place": n, **row} for n, row in enumerate(best[:_MOST_STUDENTS], start=1)]


def session_length(tables: Tables, asked: Asked) -> list[Row]:
    """Sessions by day and device, from every single session."""
    sessions = grouped(of_days(tables, "sessions", asked), "session_date", "device_type")
    rows = [
        {
            "date": day,
            "device": device or "(unknown)",
            "average_minutes": total_ms(rows, _TIME) / 60_000 / len(rows),
            "students": distinct(rows),
            "n": len(rows),
        }
        for (day, device), rows in sessions.items()
    ]
    return ordered(rows, lambda row: (-row["date"].toordinal(), row["device"]))


def active_students(tables: Tables, asked: Asked) -> list[Row]:
    """Distinct students of a day, 7 and 30 days, from every single event."""
    students: dict[date, set[str]] = defaultdict(set)
    for event in tables["events"]:
        students[event["event_date"]].add(event["student_hash"])
    sessions = grouped(tables["sessions"], "session_date")
    rows = []
    for day in sorted(students, reverse=True):
        dau, wau, mau = (_within(students, day, length) for length in (1, 7, 30))
        begun = sessions.get((day,), [])
        counts = {"date": day, "dau": dau, "wau": wau, "mau": mau, "stickiness": dau / mau}
        times = {"sessions": len(begun), "hours": total_ms(begun, _TIME) / 3_600_000}
        rows.append({**counts, **times, "n": mau})
    return [row for row in rows if asked.start_date <= row["date"] <= asked.end_date]


def _within(students: dict[date, set[str]], day: date, length: int) -> int:
    """Distinct students of the days up to one."""
    window = [day - timedelta(days=n) for n in range(length)]
    return len(set().union(*(students[other] for other in window if other in students)))


def time_by_hour(tables: Tables, asked: Asked) -> list[Row]:
    """Visits cut at the hours, in UTC, and added by weekday and hour."""
    times: Counter[tuple[int, int]] = Counter()
    visits: Counter[tuple[int, int]] = Counter()
    spans = [(visit["started_at"], visit["ended_at"]) for visit in tables["chapter_visits"]]
    parts = [part for span in spans for part in _hours(*span)]
    for hour, seconds, began in parts:
        if asked.start_date <= hour.date() <= asked.end_date:
            times[hour.isoweekday(), hour.hour] += round(seconds * 1000)
            visits[hour.isoweekday(), hour.hour] += began
    rows = [
        {"weekday": day, "hour": hour, "hours": time / 3_600_000, "n": visits[day, hour]}
        for (day, hour), time in times.items()
    ]
    return ordered(rows, lambda row: (-row["hours"], row["weekday"], row["hour"]))


def _hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, float, bool]]:
    """The hours that a visit has time in: begin of the hour, seconds, whether it began in it."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= start or hour < end:
        following = hour + timedelta(hours=1)
        seconds = (min(end, following) - max(start, hour)).total_seconds()
        yield hour, seconds, hour <= start
        hour = following


def retention(tables: Tables, asked: Asked) -> list[Row]:
    """Cohorts week by week."""
    names = ("cohort_week", "week_number", "retention_rate", "retained_students")
    rows = [
        {**{name: row[name] for name in names}, "n": row["cohort_students"]}
        for row in as_of(tables, "cohort_retention", asked)
    ]
    return ordered(rows, lambda row: (-row["cohort_week"].toordinal(), row["week_number"]))


def skimmers_and_idlers(tables: Tables, asked: Asked) -> list[Row]:
    """Skimmed and idle visits by student, from every single visit."""
    rows = []
    visits = grouped(of_days(tables, "chapter_visits", asked), "student_hash")
    for (student,), own in visits.items():
        skims, idles = (sum(row[name] for row in own) for name in ("is_skim", "is_idle"))
        rates = {"skim_rate": skims / len(own), "idle_rate": idles / len(own)}
        counts = {"skims": skims, "idles": idles, "n": len(own)}
        rows.append({"student_hash": student, **rates, **counts})
    found = [row for row in rows if row["skims"] or row["idles"]]
    return ordered(
        found,
        lambda row: (-(row["skims"] + row["idles"]) / row["n"], -row["n"], row["student_hash"]),
    )


def away_students(tables: Tables, asked: Asked) -> list[Row]:
    """Students without a session for a while."""
    rows = [
        {
            "student_hash": row["student_hash"],
            "days_away": row["last_login_days_ago"],
            "last_session_date": asked.as_of_date - timedelta(days=row["last_login_days_ago"]),
            "sessions_30d": row["sessions_30d"],
            "hours_30d": row["time_spent_30d_seconds"] / 3600,
            "quiz_accuracy_30d": row["quiz_accuracy_30d"],
            "n": row["active_days_30d"],
        }
        for row in as_of(tables, "student_features", asked)
        if row["last_login_days_ago"] >= asked.away_days
    ]
    return ordered(rows, lambda row: (row["days_away"], -row["hours_30d"], row["student_hash"]))


def streaks(tables: Tables, asked: Asked) -> list[Row]:
    """Days in a row by student, from every single session."""
    past = [row for row in tables["sessions"] if row["session_date"] <= asked.as_of_date]
    rows = []
    for (student,), sessions in grouped(past, "student_hash").items():
        days = {row["session_date"] for row in sessions}
        lengths = {day: _days_in_a_row(days, day) for day in days}
        rows.append(
            {
                "student_hash": student,
                "streak_days": lengths.get(asked.as_of_date, 0),
                "longest_streak_days": max(lengths.values()),
                "last_session_date": max(days),
                "n": len(days),
            }
        )
    return ordered(
        rows,
        lambda row: (-row["streak_days"], -row["longest_streak_days"], row["student_hash"]),
    )


def _days_in_a_row(days: set[date], end: date) -> int:
    length = 0
    while end - timedelta(days=length) in days:
        length += 1
    return length


ANSWERS: dict[str, Callable[[Tables, Asked], list[Row]]] = {
    function.__name__: function
    for function in (
        *(headline, of_chapters.time_per_chapter, of_chapters.average_and_median),
        *(of_chapters.time_distribution, top_students, session_length, of_chapters.drop_off),
        *(of_chapters.chapter_reach, of_chapters.where_students_stop, active_students),
        *(time_by_hour, retention, skimmers_and_idlers, of_chapters.hardest_chapters),
        *(of_chapters.hardest_questions, of_chapters.quiz_accuracy, of_chapters.video_drop_off),
        *(of_chapters.course_comparison, of_chapters.course_visits, away_students, streaks),
    )
}
"""Name of a query in `sql/queries` -> the slow way to its rows, in their order."""
