"""Which records have made programs fall over?"""

import json
from typing import Any

_EVENT = {"event_id": "p", "student_id": "stu_1", "event_type": "page_view"}


def poison(at: str) -> list[bytes | None]:
    """Records that no program likes, some of them around an event at `at` (ISO 8601)."""
    usual = _EVENT | {"timestamp": at}
    return [
        None,
        b"",
        b"\0",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"timestamp":1e999}',
        b'{"received_at":"' + at.encode() + b'","record":{}}',
        b"9" * 50_000,
        *(_spoilt(usual, name, value) for name, value in _STRANGE),
        json.dumps(usual).encode().replace(b"stu_1", rb"\ud800"),
        json.dumps(usual).encode().replace(b"stu_1", rb"\u0000" * 9),
        json.dumps(usual).encode() * 2,
    ]


def _spoilt(event: dict[str, Any], name: str, value: Any) -> bytes:
    return json.dumps(event | {name: value}).encode()


_STRANGE: list[tuple[str, Any]] = [
    ("timestamp", 2**70),
    ("timestamp", -1),
    ("timestamp", "9999-12-31T23:59:59.999Z"),
    ("timestamp", "0001-01-01T00:00:00Z"),
    ("timestamp", ["2026"]),
    ("student_id", 7),
    ("student_id", {"a": None}),
    ("student_id", "x" * 100_000),
    ("event_id", [1]),
    ("event_type", None),
    ("metadata", "not an object"),
    ("metadata", {"scroll_depth": float("1e308") * 10, "duration": -(2**65)}),
    ("metadata", {"a" * 50_000: [[[]]] * 1000}),
    ("page_url", "http://[::1/%ff" + "/" * 10_000),
    ("user_agent", "Mozilla/" + "(" * 20_000),
    ("ip_address", "999.999.999.999"),
]
