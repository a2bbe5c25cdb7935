"""Which views does a reader get beside the tables? Those that need all history, or the JSON."""

VIDEO_EVENTS = "video_events"
"""Name of the view over `silver.events` in the silver schema."""

BASES = {"events": {VIDEO_EVENTS}}
"""Table -> names of views that need it."""

SELECTS = {
    "silver.question_attempts": (
        "SELECT *, ROW_NUMBER() OVER (PARTITION BY student_hash, quiz_id, question_id "
        "ORDER BY attempted_at, event_id) AS attempt_number FROM {source}"
    )
}
"""Full table name -> the view's text, for tables that are more than their stored rows."""

_NUMBERS = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")
MEASURES = {
    "video_duration_seconds": "video_duration",
    "playback_rate": "playback_rate",
    "buffer_health_seconds": "buffer_health",
}
"""Column of the view -> key in the metadata, for measures that are numbers from 0 on."""


def video_events() -> str:
    """CREATE VIEW of one row per video event: position, length (s), rate, quality, buffer (s).

    A measure of a wrong type, or negative, is null. The position of a seek is where it went.
    """
    measures = ", ".join(f"{_number(key)} AS {name}" for name, key in MEASURES.items())
    position = f"COALESCE({_number('current_time')}, {_number('to')})"
    return (
        f"CREATE VIEW silver.{VIDEO_EVENTS} AS SELECT student_hash, event_id, session_id, "
        "event_type, event_name, occurred_at, event_date, course_id, chapter_id, lesson_id, "
        f"video_id, device_type, {position} AS position_seconds, {measures}, "
        "json_extract_string(metadata, '$.video_quality') AS video_quality "
        "FROM silver.events WHERE event_type LIKE 'video\\_%' ESCAPE '\\'"
    )


def _number(key: str) -> str:
    path = f"metadata, '$.{key}'"
    value = f"TRY_CAST(json_extract({path}) AS DOUBLE)"
    return f"CASE WHEN json_type({path}) IN {_NUMBERS} AND {value} >= 0 THEN {value} END"
