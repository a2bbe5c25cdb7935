"""What may be kept of everything else a record says? All but what points to a person."""

import ipaddress
import json
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec

from transforms.transpose import TOP, Columns, Group

PERSONAL_KEYS = frozenset(
    {
        *("name", "first_name", "last_name", "full_name", "username", "email", "phone", "address"),
        *("ip", "ip_address", "user_agent", "student_id", "location", "latitude", "longitude"),
    }
)
REMOVED = "[removed]"

KNOWN_FIELDS = frozenset(
    {
        *("event_id", "student_id", "event_type", "event_name", "page_url", "screen_name"),
        *("timestamp", "start_time", "end_time", "chapter_start_time", "chapter_end_time"),
        *("course_id", "chapter_id", "lesson_id", "video_id", "quiz_id", "assessment_id"),
        *("question_id", "assignment_id", "class_id", "subject_id", "session_id"),
        *("device_type", "device", "browser", "os", "network_type", "network"),
        *("scroll_depth", "sections_reached", "sections_total", "time_spent_seconds"),
        *("time_spent", "context", "metadata", "payload"),
    }
)
"""Fields of the top level that have a column of their own and so stay out of `metadata`."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_encode = msgspec.json.Encoder(order="sorted").encode


def redact_group(group: Group) -> list[bytes | None]:
    """`metadata` of the records of one shape: compact JSON with sorted keys, None when empty.

    Unknown fields of the top level come first, then metadata, then payload; the first of equal
    keys is kept. Personal keys go at any depth, and texts that are an address become `[removed]`.
    """
    columns = _remaining(group)
    if not columns:
        return [None] * group.size
    cleaned = {key: _redact_column(values) for key, values in columns.items()}
    is_changed = any(cleaned[key] is not values for key, values in columns.items())
    metadata = group.scopes.get("metadata", {})
    is_whole = len(columns) == len(metadata)
    if not is_changed and is_whole and all(columns.get(k) is v for k, v in metadata.items()):
        return list(map(_text, group.scopes[TOP]["metadata"]))
    rows = zip(*cleaned.values(), strict=True)
    return [_text(_present(cleaned, row)) for row in rows]


def _present(keys: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    return {k: v for k, v in zip(keys, values, strict=True) if v is not _ABSENT}


_ABSENT = object()
"""Stands for a null, which counts as absent, in a column that was changed."""


def _remaining(group: Group) -> Columns:
    """The columns to keep, the first value that is not null of equal keys."""
    unknown = {k: v for k, v in group.scopes[TOP].items() if k not in KNOWN_FIELDS}
    inner = (group.scopes.get(scope, {}) for scope in ("metadata", "payload"))
    merged: Columns = {}
    for key, values in chain(unknown.items(), *(columns.items() for columns in inner)):
        if key.lower() not in PERSONAL_KEYS:
            merged[key] = _coalesce(merged[key], values) if key in merged else values
    return merged


def _coalesce(first: Sequence[Any], second: Sequence[Any]) -> Sequence[Any]:
    if None not in first:
        return first
    return [b if a is None else a for a, b in zip(first, second, strict=True)]


def _redact_column(values: Sequence[Any]) -> Sequence[Any]:
    kinds = set(map(type, values))
    if type(None) in kinds:
        return [_ABSENT if value is None else _redact(value) for value in values]
    if kinds.isdisjoint((str, dict, list)):
        return values
    if kinds == {str} and not any(map(_may_be_address, set(values))):
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


def _text(value: dict) -> bytes | None:
    if not value:
        return None
    try:
        return _encode(value)
    except (OverflowError, msgspec.MsgspecError):
        # Integers beyond 64 bits: rare, so the slower library will do.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
