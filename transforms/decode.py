"""Which records are JSON objects, and what is wrong with the others?"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.vocabulary import MAX_DEPTH, MAX_RECORD_BYTES

_decode = msgspec.json.Decoder().decode
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}"]', re.DOTALL)

Failure = tuple[int, str, str]
"""Row of the record, reason, message."""


def decode_records(records: Sequence[bytes]) -> tuple[list[int], list[dict], list[Failure]]:
    """Rows and objects of the records that are JSON objects, and the failures of the others."""
    values, failures = _decode_values(records)
    rows: list[int] = []
    objects: list[dict] = []
    for row, value in enumerate(values):
        if type(value) is dict and not _is_suspicious(records[row]):
            rows.append(row)
            objects.append(value)
        elif value is not _FAILED:
            _judge(row, records[row], value, rows, objects, failures)
    return rows, objects, failures


def nesting(record: bytes) -> int:
    """Depth of the deepest object or array, the record itself counting 1, brackets outside texts.

    Counts up to the first text that does not end or bracket that closes nothing, as a parser would.
    """
    depth = deepest = 0
    for mark in _MARKS.findall(record):
        if mark == b'"' or depth < 0:
            break
        depth += (mark in b"[{") - (mark in b"]}")
        deepest = max(deepest, depth)
    return deepest


_FAILED = object()


def _decode_values(records: Sequence[bytes]) -> tuple[list[Any], list[Failure]]:
    values: list[Any] = []
    failures: list[Failure] = []
    append, remaining = values.append, iter(records)
    while len(values) < len(records):
        try:
            for record in remaining:
                append(_decode(record))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            row = len(values)
            failures.append((row, *_diagnose(records[row], str(error))))
            append(_FAILED)
    return values, failures


def _is_suspicious(record: bytes) -> bool:
    """Cheap test that lets nearly all records pass: short, and too few brackets to be too deep."""
    return len(record) > MAX_RECORD_BYTES or (record.count(b"{") + record.count(b"[") > MAX_DEPTH)


def _judge(
    row: int, record: bytes, value: Any, rows: list[int], objects: list, failures: list[Failure]
) -> None:
    reason = _size_reason(record) or ("" if type(value) is dict else "not_an_object")
    if reason:
        failures.append((row, reason, _message(reason, value)))
    else:
        rows.append(row)
        objects.append(value)


def _message(reason: str, value: Any) -> str:
    return f"found {type(value).__name__}" if reason == "not_an_object" else ""


def _size_reason(record: bytes) -> str:
    if len(record) > MAX_RECORD_BYTES:
        return "too_large"
    return "too_deep" if nesting(record) > MAX_DEPTH else ""


def _diagnose(record: bytes, error: str) -> tuple[str, str]:
    """Reason and message of a record that did not decode, in the order of the closed list."""
    if len(record) > MAX_RECORD_BYTES:
        return "too_large", ""
    try:
        record.decode("utf-8")
    except UnicodeDecodeError as broken:
        return "invalid_utf8", str(broken)
    return ("too_deep", "") if nesting(record) > MAX_DEPTH else ("not_json", error)
