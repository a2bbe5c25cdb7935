"""What are all rows of all tables of the batch half, for these records?"""

from collections.abc import Iterable
from datetime import date

from benchmarks.reference import chapters, gold
from benchmarks.reference.anomalies import find_anomalies
from benchmarks.reference.answers import page_views_of_session
from benchmarks.reference.catalogue import Catalogue, correct_options
from benchmarks.reference.clock import local_date
from benchmarks.reference.derived import Derived, derive, without_duplicates
from benchmarks.reference.options import Options, read_options
from benchmarks.reference.records import DeadLetterError, Record, read_event
from benchmarks.reference.silver import event_row, session_row, view_row, visit_row

DATE_COLUMNS = {
    "events": "event_date",
    "sessions": "session_date",
    "page_views": "view_date",
    "chapter_visits": "visit_date",
    "video_views": "view_date",
    "question_attempts": "attempt_date",
}


def compute(
    records: list[Record],
    options: dict | None = None,
    catalog: list[dict] | None = None,
    questions: list[dict] | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
) -> dict[str, list[dict]]:
    """All rows by table, of the dates asked for; also `dead_letters` and one row of `counts`.

    `_seconds` are seconds, times aware UTC datetimes. ValueError for an unknown option.
    """
    settings, catalogue = read_options(options), Catalogue(catalog)
    accepted, dead_letters = _read(records, settings, catalogue)
    events = without_duplicates(accepted)
    derived = derive(events, settings, catalogue, correct_options(questions))
    everything = _silver(derived, settings) | _gold(derived, settings)
    everything["anomalies"] = find_anomalies(derived, settings, catalogue)
    anomalous = {row["session_id"] for row in everything["anomalies"]}
    for row in everything["sessions"]:
        row["is_anomalous"] = row["session_id"] in anomalous
    tables = {
        name: [row for row in rows if _is_between(row[_date_column(name)], start_date, end_date)]
        for name, rows in everything.items()
    }
    kept = [
        event
        for event in derived.events
        if _is_between(local_date(event["start"], settings.timezone), start_date, end_date)
    ]
    counts = _counts(kept, dead_letters, catalogue) | {
        "records_read": len(accepted) + len(dead_letters),
        "duplicates": len(accepted) - len(events),
        "out_of_range": len(events) - len(kept),
        "sessions": len(tables["sessions"]),
    }
    return tables | {"dead_letters": dead_letters, "counts": [counts]}


def _date_column(table: str) -> str:
    return DATE_COLUMNS.get(table, "date")


def _read(
    records: Iterable[Record], options: Options, catalogue: Catalogue
) -> tuple[list[dict], list[dict]]:
    """Events and dead letters; blank lines are skipped silently."""
    events, dead_letters = [], []
    for line, record in enumerate(records, start=1):
        if not record.data.strip():
            continue
        try:
            events.append(read_event(record, options, catalogue))
        except DeadLetterError as error:
            place = {"source": record.source, "position": record.position}
            dead_letters.append({"line": line, "reason": str(error), **place})
    return events, dead_letters


def _silver(derived: Derived, options: Options) -> dict[str, list[dict]]:
    return {
        "events": [event_row(event, options) for event in derived.events],
        "sessions": [session_row(session, options) for session in derived.sessions],
        "page_views": [
            row for session in derived.sessions for row in page_views_of_session(session, options)
        ],
        "chapter_visits": [visit_row(visit, options) for visit in derived.visits],
        "video_views": [view_row(view, options) for view in derived.views],
        "question_attempts": [
            {column: value for column, value in attempt.items() if column != "time"}
            for attempt in derived.attempts
        ],
    }


def _gold(derived: Derived, options: Options) -> dict[str, list[dict]]:
    return {
        "session_daily_stats": gold.session_daily_stats(derived, options),
        "student_daily_activity": gold.student_daily_activity(derived, options),
        "chapter_engagement": chapters.chapter_engagement(derived.visits, options),
        "chapter_hourly_activity": chapters.chapter_hourly_activity(derived.visits, options),
        "question_attempts_summary": gold.question_attempts_summary(derived),
        "video_engagement": gold.video_engagement(derived, options),
        "device_daily": gold.device_daily(derived, options),
        "geo_daily": gold.geo_daily(derived, options),
        "platform_daily": gold.platform_daily(derived, options),
    }


def _is_between(day: date, start: date | None, end: date | None) -> bool:
    return (start is None or start <= day) and (end is None or day <= end)


def _counts(events: list[dict], dead_letters: list[dict], catalogue: Catalogue) -> dict:
    """Counts over the events of the dates asked for."""
    chapters_seen = [event["chapter_id"] for event in events if event["chapter_id"] is not None]
    return {
        "events": len(events),
        "dead_letters": len(dead_letters),
        "excluded": 0,
        "dropped": 0,
        "id_conflicts": sum(event["is_id_conflict"] for event in events),
        "clipped_scroll_depths": sum(event["is_clipped"] for event in events),
        "unknown_chapters": sum(
            catalogue.is_given and not catalogue.knows(chapter) for chapter in chapters_seen
        ),
        "unequal_lengths": sum(map(_is_unequal, events)),
    }


def _is_unequal(event: dict) -> bool:
    """Whether an interval and its measured time differ by more than a second."""
    if not event["is_interval"] or event["measured"] is None:
        return False
    return abs(event["end"] - event["start"] - event["measured"]) > 1000
