"""What may be kept of everything else a record says? All but what points to a person."""

import ipaddress
import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from transforms.transpose import TOP, Columns, Group

PERSONAL_KEYS = frozenset(
    ["name", "first_name", "last_name", "full_name", "username", "email", "phone", "address", "ip", "ip_address", "user_agent", "student_id", "location", "latitude", "longitude"]
)
REMOVED = "[removed]"

KNOWN_FIELDS = frozenset(
    ["event_id", "student_id", "timestamp", "start_time", "end_time", "chapter_start_time", "chapter_end_time", "event_type", "event_name", "page_url", "screen_name", "course_id", "chapter_id", "lesson_id", "video_id", "quiz_id", "assessment_id", "question_id", "assignment_id", "class_id", "subject_id", "session_id", "device_type", "device", "browser", "os", "network_type", "network", "scroll_depth", "sections_reached", "sections_total", "time_spent_seconds", "time_spent", "context", "metadata", "payload"]
)
"""Fields of the top level that have a column of their own and so stay out of `metadata`."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_encode = msgspec.json.Encoder(order="sorted").encode


def redact_group(group: Group) -> list[str | None]:
    """`metadata` of the records of one shape: compact JSON with sorted keys, None when empty.

    Unknown fields of the top level come first, then metadata, then payload; the first of equal
    keys is kept. Personal keys go at any depth, and texts that are an address become `[removed]`.
    """
    columns = _remaining(group)
    if not columns:
        return [None] * group.size
    cleaned = {key: _redact_column(values) for key, values in columns.items()}
    keys = tuple(sorted(cleaned))
    rows = zip(*(cleaned[key] for key in keys), strict=True)
    if any(None in cleaned[key] for key in keys):
        return [
            _text({k: v for k, v in zip(keys, row, strict=True) if v is not None}) for row in rows
        ]
    return [_text(dict(zip(keys, row, strict=True))) for row in rows]


def _remaining(group: Group) -> Columns:
    unknown = {k: v for k, v in group.scopes[TOP].items() if k not in KNOWN_FIELDS}
    merged = {**group.scopes.get("payload", {}), **group.scopes.get("metadata", {}), **unknown}
    return {key: values for key, values in merged.items() if key.lower() not in PERSONAL_KEYS}


def _redact_column(values: Sequence[Any]) -> Sequence[Any]:
    kinds = set(map(type, values))
    if kinds.isdisjoint((str, dict, list)):
        return values
    if kinds <= {str, type(None)} and not any(map(_may_be_address, set(values) - {None})):
        return values
    return [_redact(value) for value in values]


def _redact(value: Any) -> Any:
    if type(value) is str:
        return REMOVED if _may_be_address(value) and _is_address(value.strip()) else value
    if type(value) is dict:
        return {k: _redact(v) for k, v in value.items() if k.lower() not in PERSONAL_KEYS}
    if type(value) is list:
        return [_redact(item) for item in value]
    return value


def _may_be_address(text: str) -> bool:
    return "@" in text or ":" in text or text.count(".") == 3


def _is_address(text: str) -> bool:
    if _EMAIL.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _text(value: dict) -> str | None:
    if not value:
        return None
    try:
        return _encode(value).decode()
    except (OverflowError, msgspec.MsgspecError):
        # Integers beyond 64 bits: rare, so the slower library will do.
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
