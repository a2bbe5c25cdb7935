"""Which records are JSON objects, and what is wrong with the others?"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.vocabulary import MAX_DEPTH, MAX_RECORD_BYTES

_decode = msgspec.json.Decoder().decode
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}"]', re.DOTALL)

_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)', re.DOTALL)
_PLACE = re.compile(r"\(byte (\d+)\)")

Failure = tuple[int, str, str]
"""Row of the record, reason, message."""


@dataclass
class Decoded:
    """Rows and objects of the records that are JSON objects, and the failures of the others."""

    rows: Sequence[int]
    objects: list[dict]
    failures: list[Failure]


def decode_records(records: Sequence[bytes]) -> Decoded:
    """Decode records (bytes without surrounding white space)."""
    values, failures = _decode_values(records)
    # Cheap tests that let nearly all records pass: short, too few brackets to be too deep.
    suspects = [
        row
        for row, record in enumerate(records)
        if record.count(b"{") + record.count(b"[") > MAX_DEPTH or len(record) > MAX_RECORD_BYTES
    ]
    if not failures and not suspects and set(map(type, values)) == {dict}:
        return Decoded(range(len(values)), values, [])
    failures += _judge(records, values, set(suspects))
    failed = {row for row, _, _ in failures}
    rows = [row for row in range(len(values)) if row not in failed]
    return Decoded(rows, [values[row] for row in rows], failures)


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
    remaining = iter(records)
    while len(values) < len(records):
        try:
            _decode_until_error(remaining, values)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            row = len(values)
            failures.append((row, *_diagnose(records[row], str(error))))
            values.append(_FAILED)
    return values, failures


def _decode_until_error(records: Iterator[bytes], values: list[Any]) -> None:
    append = values.append
    for record in records:
        append(_decode(record))


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
    readable = record[: _place_of_error(record, error)]
    return ("too_deep", "") if nesting(readable) > MAX_DEPTH else ("not_json", error)


def _place_of_error(record: bytes, error: str) -> int:
    """Where the decoder stopped: as it says, or at the first number beyond a double."""
    place = _PLACE.search(error)
    if place:
        return int(place.group(1))
    if "out of range" in error:
        numbers = (mark for mark in _NUMBERS.finditer(record) if mark[1])
        return next((mark.start() for mark in numbers if math.isinf(float(mark[1]))), len(record))
    return len(record)
