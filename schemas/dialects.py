"""Which shapes of event do we accept? One description per dialect, and one of the raw zone's line.

The JSON Schemas of clients and collectors are rendered from these. A record that validates has a
shape the pipeline can use. Beyond the schemas the pipeline judges what they cannot say: the order
and the age of times, the size of a record. Fields that are not named here are kept as metadata.
"""

import dataclasses
from typing import Any

from schemas.fields import (
    ALL_DETAILS,
    ALL_IDS,
    BROWSER,
    DEVICE,
    DEVICE_FIELDS,
    DEVICE_TYPE,
    EVENT_ID,
    EVENT_TYPE,
    IS_EPOCH_MS,
    IS_ISO_TIME,
    METADATA,
    OS,
    PAGES,
    SCROLL_DEPTH,
    STUDENT_ID,
    TIME_SPENT,
    Field,
)

VERSION = "1.0.0"
"""Version of all dialects: a new field raises the middle number, a break the first."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """One shape of record. Of each group in `one_of` at least one field must be there."""

    name: str
    description: str
    fields: tuple[Field, ...]
    examples: tuple[dict[str, Any], ...]
    one_of: tuple[tuple[str, ...], ...] = ()


CHAPTER_VIEW = Dialect(
    "chapter_view",
    "A visit of a chapter with its start and end.",
    (
        EVENT_ID,
        STUDENT_ID,
        *(
            Field(
                name,
                ("string", "number"),
                f"{words}: ISO 8601, or epoch (ms).",
                rules=IS_ISO_TIME | IS_EPOCH_MS,
            )
            for name, words in (
                ("start_time", "Start of the visit"),
                ("end_time", "End of the visit, at most 24 h later"),
                ("chapter_start_time", "Other spelling of start_time"),
                ("chapter_end_time", "Other spelling of end_time"),
            )
        ),
        TIME_SPENT,
        DEVICE_TYPE,
        BROWSER,
        SCROLL_DEPTH,
        *ALL_IDS,
        METADATA,
    ),
    (
        {
            "event_id": "e1",
            "student_id": "stu_1004",
            "course_id": "algebra-1",
            "chapter_id": "c5",
            "start_time": "2025-11-16T10:00:00Z",
            "end_time": "2025-11-16T10:04:30Z",
            "time_spent_seconds": 270,
            "session_id": "b1",
            "device_type": "mobile",
            "scroll_depth": 78,
        },
    ),
    (("start_time", "chapter_start_time"), ("end_time", "chapter_end_time")),
)

RAW_EVENT = Dialect(
    "raw_event",
    "A point in time, as ISO 8601 text, with a page and metadata.",
    (
        EVENT_ID,
        STUDENT_ID,
        Field("timestamp", ("string",), "Time of the event (ISO 8601).", True, rules=IS_ISO_TIME),
        EVENT_TYPE,
        *PAGES,
        DEVICE,
        DEVICE_TYPE,
        BROWSER,
        OS,
        SCROLL_DEPTH,
        *ALL_IDS,
        METADATA,
    ),
    (
        {
            "event_id": "e123",
            "student_id": "stu_1004",
            "timestamp": "2025-11-16T10:15:22Z",
            "event_type": "page_view",
            "page_url": "/chapter/5",
            "device": "android",
            "metadata": {"scroll_depth": 78},
        },
    ),
)

CLICKSTREAM = Dialect(
    "clickstream",
    "A point in time, as epoch milliseconds, with class and subject.",
    (
        EVENT_ID,
        STUDENT_ID,
        Field(
            "timestamp", ("number",), "Time of the event (ms since 1970).", True, rules=IS_EPOCH_MS
        ),
        EVENT_TYPE,
        Field("event_name", ("string",), "What happened, in more detail than event_type."),
        *PAGES,
        SCROLL_DEPTH,
        *ALL_IDS,
        METADATA,
    ),
    (
        {
            "event_id": "e4",
            "student_id": "stu_1004",
            "class_id": "7",
            "subject_id": "MATH",
            "chapter_id": "c5",
            "event_type": "quiz_action",
            "event_name": "quiz_question_next",
            "timestamp": 1763287200000,
            "metadata": {"device": "web", "browser": "chrome", "location": "DE-BE"},
        },
    ),
)

ANALYTICS_EVENT = Dialect(
    "analytics_event",
    "A point in time with nested context, device and payload.",
    (
        EVENT_ID,
        STUDENT_ID,
        Field(
            "timestamp",
            ("string", "number"),
            "Time of the event: ISO 8601, or epoch (ms).",
            True,
            rules=IS_ISO_TIME | IS_EPOCH_MS,
        ),
        EVENT_TYPE,
        Field("context", ("object",), "What it is about.", True, fields=ALL_IDS),
        Field("device", ("string", "object"), "Device.", fields=DEVICE_FIELDS),
        Field("payload", ("object",), "Measures of the event.", fields=ALL_DETAILS),
        *PAGES,
        *ALL_IDS,
    ),
    (
        {
            "event_id": "e2",
            "event_type": "video_pause",
            "timestamp": "2025-11-16T15:30:00+05:30",
            "student_id": "stu_1004",
            "session_id": "b1",
            "context": {"course_id": "algebra-1", "lesson_id": "l9", "video_id": "v1"},
            "device": {"type": "tablet", "os": "ios", "browser": "safari"},
            "payload": {"current_time": 61.5, "video_duration": 300, "playback_rate": 1.25},
        },
    ),
)

ENVELOPE = Dialect(
    "raw_envelope",
    "One line of the raw zone: a record as received, and where it came from.",
    (
        Field("received_at", ("string",), "Time of receipt (ISO 8601).", True, rules=IS_ISO_TIME),
        Field("topic", ("string",), "Topic or subscription.", True),
        Field("partition", ("integer",), "Kafka partition.", rules={"minimum": 0}),
        Field("offset", ("integer",), "Kafka offset.", rules={"minimum": 0}),
        Field("message_id", ("string",), "Pub/Sub message id."),
        Field("record", ("string",), "The record's text as received."),
        Field("record_base64", ("string",), "The record's bytes, when they are not UTF-8."),
    ),
    (
        {
            "received_at": "2025-11-16T10:15:22.481Z",
            "topic": "clickstream",
            "partition": 3,
            "offset": 1871,
            "record": '{"student_id": "stu_1004", "timestamp": 1763287200000}',
        },
    ),
    (("record", "record_base64"), ("offset", "message_id")),
)

DIALECTS = (CHAPTER_VIEW, RAW_EVENT, CLICKSTREAM, ANALYTICS_EVENT, ENVELOPE)
"""Every shape that is published, the raw zone's line last."""
