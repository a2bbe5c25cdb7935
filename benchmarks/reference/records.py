"""Which event does a record hold, or why can it not be used?"""

import hashlib
import hmac
from dataclasses import dataclass

import xxhash

from benchmarks.reference import fields
from benchmarks.reference.catalogue import Catalogue
from benchmarks.reference.clock import BadTimeError, is_number, read_time
from benchmarks.reference.devices import read_device
from benchmarks.reference.fields import BadTypeError, Levels
from benchmarks.reference.json_text import JsonError, read_json
from benchmarks.reference.metadata import read_metadata, read_place
from benchmarks.reference.options import Options
from benchmarks.reference.taxonomy import event_type_of

MAX_BYTES = 1_048_576
MAX_INTERVAL_MS = 86_400_000


@dataclass
class Record:
    """One record as received: its bytes, when it was received (if known), and where it stood."""

    data: bytes
    received_at_ms: int | None = None
    source: str = ""
    position: str = ""


class DeadLetterError(ValueError):
    """The record cannot be used; the text is the reason from the closed list."""


def read_event(record: Record, options: Options, catalogue: Catalogue) -> dict:
    """The canonical event of a record; DeadLetterError with the first reason that applies."""
    levels = Levels(_read_object(record.data))
    dialect = _dialect(levels.top)
    if levels.top.get("student_id", "") == "":
        raise DeadLetterError("missing_student_id")
    start, end = _read_times(levels.top, dialect)
    _check_age(start, record.received_at_ms, options)
    try:
        event = _read_columns(levels, dialect, catalogue)
        student, event_id = _read_identity(levels.top)
    except BadTypeError as error:
        raise DeadLetterError("bad_type") from error
    data = record.data.strip()
    return event | {
        "event_id": event_id or "sha256:" + hashlib.sha256(data).hexdigest(),
        "student_hash": hmac.new(options.key, student.encode(), hashlib.sha256).hexdigest(),
        "start": start,
        "end": start if end is None else end,
        "is_interval": end is not None,
        "received": record.received_at_ms,
        "fingerprint": (xxhash.xxh3_64_intdigest(data), data),
    }


def _read_object(data: bytes) -> dict:
    if len(data.removesuffix(b"\n").removesuffix(b"\r")) > MAX_BYTES:
        raise DeadLetterError("too_large")
    try:
        value = read_json(data.strip().decode())
    except UnicodeDecodeError as error:
        raise DeadLetterError("invalid_utf8") from error
    except JsonError as error:
        raise DeadLetterError(str(error)) from error
    if not isinstance(value, dict):
        raise DeadLetterError("not_an_object")
    return value


def _dialect(top: dict) -> str:
    for name in ("start_time", "end_time"):
        if name not in top and f"chapter_{name}" in top:
            top[name] = top[f"chapter_{name}"]
    if "start_time" in top and "end_time" in top:
        return "chapter_view"
    if isinstance(top.get("context"), dict):
        return "analytics_event"
    if is_number(top.get("timestamp")):
        return "clickstream"
    if isinstance(top.get("timestamp"), str):
        return "raw_event"
    raise DeadLetterError("unknown_dialect")


def _read_times(top: dict, dialect: str) -> tuple[int, int | None]:
    try:
        if dialect != "chapter_view":
            return read_time(top.get("timestamp")), None
        start, end = read_time(top["start_time"]), read_time(top["end_time"])
    except BadTimeError as error:
        raise DeadLetterError("bad_time") from error
    if end < start:
        raise DeadLetterError("end_before_start")
    if end - start > MAX_INTERVAL_MS:
        raise DeadLetterError("interval_too_long")
    return start, end


def _check_age(start: int, received: int | None, options: Options) -> None:
    if received is None:
        return
    if options.max_future_ms and start > received + options.max_future_ms:
        raise DeadLetterError("in_the_future")
    if options.max_age_ms and start < received - options.max_age_ms:
        raise DeadLetterError("too_old")


def _read_identity(top: dict) -> tuple[str, str | None]:
    return fields.as_id(top["student_id"]), fields.as_id(top.get("event_id", ""))


def _read_columns(levels: Levels, dialect: str, catalogue: Catalogue) -> dict:
    levels.check()
    page = fields.read_page(levels)
    depth, is_clipped = fields.read_scroll_depth(levels)
    return {
        **_read_names(levels.top, dialect),
        **_complete_ids(fields.read_ids(levels), page, catalogue),
        **read_device(levels),
        **read_place(levels),
        "page": page,
        "scroll_depth": depth,
        "is_clipped": is_clipped,
        "metadata": read_metadata(levels),
        **_read_measures(levels),
    }


def _read_names(top: dict, dialect: str) -> dict:
    if dialect == "chapter_view":
        return {"event_type": "chapter_view", "event_name": "chapter_view"}
    keys = ("event_name", "event_type") if dialect == "clickstream" else ("event_type",)
    names = [top[key] for key in keys if isinstance(top.get(key), str) and top[key]]
    return {"event_type": event_type_of(names), "event_name": names[0] if names else None}


def _complete_ids(ids: dict, page: str | None, catalogue: Catalogue) -> dict:
    """Ids still missing: from the path, then the lesson's chapter, then the chapter's course."""
    for column, text in fields.ids_of_path(page).items():
        ids[column] = ids[column] or text
    lesson = ids["lesson_id"]
    if ids["chapter_id"] is None and lesson is not None:
        ids["chapter_id"] = catalogue.chapter_of(lesson, ids["course_id"]) or lesson
    if ids["course_id"] is None and ids["chapter_id"] is not None:
        ids["course_id"] = catalogue.course_of(ids["chapter_id"])
    return ids


def _read_measures(levels: Levels) -> dict:
    spent = fields.duration_ms(levels, "time_spent")
    stated = fields.duration_ms(levels, "time_spent_seconds")
    return {
        "measured": stated if spent is None else spent,
        "time_spent": spent,
        "duration": fields.duration_ms(levels, "duration"),
        "position": fields.duration_ms(levels, "current_time"),
        "seek_from": fields.duration_ms(levels, "from"),
        "seek_to": fields.duration_ms(levels, "to"),
        "rate": fields.playback_rate(levels),
        "length": fields.length_ms(levels, "video_duration"),
        "correct": fields.boolean(levels, "correct"),
        "completed": fields.boolean(levels, "completed"),
        "score": fields.number(levels, "score"),
        "selected_option": fields.option_text(levels, "selected_option"),
    }
