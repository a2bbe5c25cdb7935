"""What else does a record say, once everything that can name a person is left out?"""

import ipaddress
import json
import re

from benchmarks.reference.fields import ID_NAMES, Levels

REMOVED = "[removed]"
PERSONAL_KEYS = {
    "name",
    "first_name",
    "last_name",
    "full_name",
    "username",
    "email",
    "phone",
    "address",
    "ip",
    "ip_address",
    "user_agent",
    "student_id",
    "location",
    "latitude",
    "longitude",
}
_TO_COLUMNS = {name for names in ID_NAMES.values() for name in names} | {
    "event_id",
    "student_id",
    "timestamp",
    "start_time",
    "end_time",
    "chapter_start_time",
    "chapter_end_time",
    "event_type",
    "event_name",
    "page_url",
    "screen_name",
    "device",
    "device_type",
    "user_agent",
    "browser",
    "os",
    "network_type",
    "network",
    "location",
    "scroll_depth",
    "sections_reached",
    "sections_total",
    "time_spent",
    "time_spent_seconds",
    "context",
    "metadata",
    "payload",
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PLACE = re.compile(r"([A-Z]{2})-([A-Z0-9]{1,3})")


def read_metadata(levels: Levels) -> str | None:
    """Unknown top-level fields, then metadata, then payload, as compact JSON; None if empty."""
    unknown = {key: value for key, value in levels.top.items() if key not in _TO_COLUMNS}
    cleaned = _clean({**levels.payload, **levels.metadata, **unknown})
    if not cleaned:
        return None
    return json.dumps(cleaned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _clean(value: object) -> object:
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key.lower() not in PERSONAL_KEYS}
        return {key: _clean(inner) for key, inner in kept.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, str) and _is_personal(value.strip()):
        return REMOVED
    return value


def _is_personal(text: str) -> bool:
    if _EMAIL.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def read_place(levels: Levels) -> dict[str, str | None]:
    """country_code and region of the first location of the form CC-RR."""
    texts = (value for value in levels.values(("location",)) if isinstance(value, str))
    matches = (_PLACE.fullmatch(text) for text in texts)
    match = next(filter(None, matches), None)
    country, region = match.groups() if match else (None, None)
    return {"country_code": country, "region": region}
