"""What goes wrong on the way: records sent twice, and records that nobody can use?"""

import datetime
import json
from collections.abc import Callable
from random import Random
from typing import Any

DAY_MS = 86_400_000
MOST_BYTES = 1_048_576


def respell(rng: Random, body: bytes) -> bytes:
    """A second copy of a record: mostly the same bytes, else the same content spelled otherwise."""
    record = json.loads(body)
    if rng.random() < 0.8 or "event_id" not in record:
        return body
    backwards = dict(reversed(record.items()))
    return json.dumps(backwards, ensure_ascii=False).encode()


def bad_reasons(count: int, has_receipt: bool) -> list[str]:
    """The reasons of `count` bad records: every one in turn, a huge record only once in a round.

    Without a time of receipt nothing can be too old or from the future.
    """
    usable = [name for name in MAKERS if has_receipt or name not in ("in_the_future", "too_old")]
    cheap = [name for name in usable if name != "too_large"]
    return (usable + cheap * (count // len(cheap) + 1))[:count]


def bad_record(reason: str, number: int, at_ms: int) -> bytes:
    """A record at about that time with exactly the fault named."""
    text = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).isoformat()
    event = {
        "event_id": f"bad-{number}",
        "student_id": "stu_1001",
        "timestamp": text,
        "event_type": "page_view",
    }
    return MAKERS[reason](event, number, at_ms)


def _pick(number: int, *choices: Any) -> Any:
    return choices[number % len(choices)]


def _json(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _not_json(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    body = _json(event)
    return _pick(number, body[: len(body) // 2], body[:-1] + b',"x":NaN}', b"<html></html>")


def _not_an_object(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _pick(number, b"[" + _json(event) + b"]", b'"page_view"', b"42", b"null")


def _unknown_dialect(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    del event["timestamp"]
    return _json(event | _pick(number, {}, {"timestamp": None}, {"end_time": at_ms}))


def _missing_student_id(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    del event["student_id"]
    return _json(event | _pick(number, {}, {"student_id": None}, {"student_id": ""}))


def _bad_time(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    wrong = ("yesterday", "2025-13-40T10:00:00Z", "1969-12-31T23:59:59Z", "2025-09-01", -5)
    return _json(event | {"timestamp": _pick(number, *wrong)})


def _interval(event: dict[str, Any], start_ms: int, end_ms: int) -> bytes:
    place = {"course_id": "algebra-5-01", "chapter_id": "algebra-5-01-ch02"}
    return _json(event | place | {"start_time": start_ms, "end_time": end_ms})


def _end_before_start(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _interval(event, at_ms, at_ms - _pick(number, 1, 60_000))


def _interval_too_long(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _interval(event, at_ms, at_ms + DAY_MS + _pick(number, 1, DAY_MS))


def _bad_type(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    wrong = ({"course_id": ["a"]}, {"metadata": "text"}, {"page_url": 7}, {"scroll_depth": "far"})
    return _json(event | _pick(number, *wrong))


def _too_deep(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _json(event)[:-1] + b',"metadata":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"


def _too_large(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _json(event | {"metadata": {"text": "x" * MOST_BYTES}})


def _invalid_utf8(event: dict[str, Any], number: int, at_ms: int) -> bytes:
    return _json(event)[:-1] + b',"page_url":"/caf\xe9"}'


def _elsewhen(days: int) -> Callable[[dict[str, Any], int, int], bytes]:
    """A maker of events that happened that many days from now."""

    def make(event: dict[str, Any], number: int, at_ms: int) -> bytes:
        when = datetime.datetime.fromtimestamp(at_ms / 1000 + days * 86_400, datetime.UTC)
        return _json(event | {"timestamp": when.isoformat()})

    return make


MAKERS: dict[str, Callable[[dict[str, Any], int, int], bytes]] = {
    "too_large": _too_large,
    "invalid_utf8": _invalid_utf8,
    "too_deep": _too_deep,
    "not_json": _not_json,
    "not_an_object": _not_an_object,
    "unknown_dialect": _unknown_dialect,
    "missing_student_id": _missing_student_id,
    "bad_time": _bad_time,
    "end_before_start": _end_before_start,
    "interval_too_long": _interval_too_long,
    "in_the_future": _elsewhen(2),
    "too_old": _elsewhen(-400),
    "bad_type": _bad_type,
}
