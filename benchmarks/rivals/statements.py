"""Which statements make the tables of the rivals, and how is each of these tables partitioned?"""

import re
from pathlib import Path

# The tables that are written, with the date each is partitioned by.
PARTITIONS = {
    "events": "event_date",
    "sessions": "session_date",
    "chapter_visits": "visit_date",
    "video_views": "view_date",
    "question_attempts": "attempt_date",
    "session_daily_stats": "date",
    "student_daily_activity": "date",
    "chapter_engagement": "date",
    "chapter_hourly_activity": "date",
    "question_attempts_summary": "date",
    "platform_daily": "date",
    "device_daily": "date",
}
SILVER = ("events", "sessions", "chapter_visits", "video_views", "question_attempts")
DEVICE_TYPES = {
    "mobile": ("mobile", "phone", "android", "ios", "iphone"),
    "tablet": ("tablet", "ipad"),
    "desktop": ("desktop", "web", "windows", "mac", "macos", "linux", "chromebook"),
}
# What `walked` says about an event, beside the columns of its record.
WALKED = """
w.seq, w.session_no, w.visit_no, w.next_ms, w.active_ms, w.is_cut_after,
date_of(at_ms) AS event_date, hour_of(at_ms) AS event_hour
"""
EVENTS_OUTPUT = """
SELECT event_id, e.student_id, event_type, time_of(at_ms) AS occurred_at, event_hour,
       time_spent AS measured_seconds, course_id, chapter_id, video_id, quiz_id, question_id,
       session_id, e.device_type, page, scroll_depth, duration, completed, position, seek_from,
       seek_to, video_duration, playback_rate, correct, score, selected_option, app, x, y,
       event_date
FROM events AS e
JOIN sessions AS s ON e.student_id = s.student_id AND e.session_no = s.session_no
"""


def read_statements(events: str) -> dict[str, str]:
    """The SELECT of each table, in the order they build on each other; `events` is the engine's."""
    text = Path(__file__).with_name("tables.sql").read_text().replace("$events", events)
    parts = re.split(r"^-- table: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


def device_case(column: str) -> str:
    """SQL for the device type that a device's name stands for."""
    whens = " ".join(
        f"WHEN lower({column}) IN {names} THEN '{kind}'" for kind, names in DEVICE_TYPES.items()
    )
    return f"CASE {whens} END"


def output_query(table: str, columns: list[str]) -> str:
    """The query for what is written of a table: not the columns that only serve other tables."""
    if table == "events":
        return EVENTS_OUTPUT
    kept = (name for name in columns if not name.endswith("_ms") and name != "session_no")
    return f"SELECT {', '.join(kept)} FROM {table}"
