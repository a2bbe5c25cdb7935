"""What is an event on its way from PARSE to DERIVE? One row per accepted record.

Times and durations are whole milliseconds here; silver shows them as timestamps and seconds.
"""

import polars as pl

IDS = (
    "course_id",
    "chapter_id",
    "lesson_id",
    "video_id",
    "quiz_id",
    "question_id",
    "assignment_id",
    "class_id",
    "subject_id",
    "client_session_id",
)

TRAITS = ("device_type", "os", "browser", "network_type", "country_code", "region")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "event_id": pl.String,
    "student_hash": pl.String,
    "event_type": pl.String,
    "event_name": pl.String,
    "occurred_ms": pl.Int64,
    "ended_ms": pl.Int64,  # null for a point event
    "received_ms": pl.Int64,  # null where the receipt is unknown
    "fingerprint": pl.UInt64,  # XXH3-64 of the record's bytes
    **dict.fromkeys((*IDS, *TRAITS), pl.String),
    "page": pl.String,
    "scroll_depth": pl.Float64,
    "metadata": pl.String,
    "measured_ms": pl.Int64,  # time_spent, else time_spent_seconds, as the client measured it
    "spent_ms": pl.Int64,  # time_spent alone: the time of an answer
    "tail_ms": pl.Int64,  # time_spent, else duration: closes the last visit of a session
    "position_ms": pl.Int64,  # place in the video
    "seek_from_ms": pl.Int64,
    "seek_to_ms": pl.Int64,
    "video_duration_ms": pl.Int64,
    "playback_rate": pl.Float64,
    "is_correct": pl.Boolean,
    "score": pl.Float64,
    "selected_option": pl.String,
    "is_done": pl.Boolean,  # the event says completed: true
}
