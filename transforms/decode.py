"""Which records are JSON objects, and what is wrong with the others?"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.vocabulary import MAX_DEPTH, MAX_RECORD_BYTES

_decode = msgspec.json.Decoder().decode
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}"]', re.DOTALL)

_PLACE = re.compile(r"\(byte (\d+)\)")

Failure = tuple[int, str, str]
"""Row of the record, reason, message."""


def decode_records(records: Sequence[bytes]) -> tuple[Sequence[int], list[dict], list[Failure]]:
    """Rows and objects of the records that are JSON objects, and the failures of the others."""
    values, failures = _decode_values(records)
    # Cheap tests that let nearly all records pass: short, too few brackets to be too deep.
    suspects = [
        row
        for row, record in enumerate(records)
        if record.count(b"{") + record.count(b"[") > MAX_DEPTH or len(record) > MAX_RECORD_BYTES
    ]
    if not failures and not suspects and set(map(type, values)) == {dict}:
        return range(len(values)), values, []
    failures += _judge(records, values, set(suspects))
    failed = {row for row, _, _ in failures}
    rows = [row for row in range(len(values)) if row not in failed]
    return rows, [values[row] for row in rows], failures


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


def _judge(records: Sequence[bytes], values: list[Any], suspects: set[int]) -> list[Failure]:
    """Failures of records that are JSON, but too large, too deep or no object."""
    failures = []
    for row, value in enumerate(values):
        reason = _size_reason(records[row]) if row in suspects and value is not _FAILED else ""
        if not reason and type(value) is not dict and value is not _FAILED:
            reason = "not_an_object"
        if reason:
            failures.append((row, reason, _message(reason, value)))
    return failures


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
    # A parser that meets another error first never gets too deep.
    place = _PLACE.search(error)
    readable = record[: int(place.group(1))] if place else record
    return ("too_deep", "") if nesting(readable) > MAX_DEPTH else ("not_json", error)
