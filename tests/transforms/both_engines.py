"""Does the product give what the slow reference gives? Both are run on records, rows compared."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.reference import Record, compute
from schemas import tables
from tests.compare_rows import differing_columns
from tests.in_memory import Plan, Result, Rows, run

WORDS = frozenset({"explanation"})
"""Columns of prose: every engine has its own."""
COUNTS = ("records_read", "events", "duplicates", "dead_letters", "id_conflicts", "sessions")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 5


def envelope(record: bytes, received_ms: int, line: int) -> bytes:
    """A record as the raw zone keeps it; its message id is its line."""
    received = _EPOCH + timedelta(milliseconds=received_ms)
    wrapped: dict[str, Any] = {"received_at": received.isoformat(), "topic": "memory"}
    wrapped["message_id"] = str(line)
    try:
        wrapped["record"] = record.decode()
    except UnicodeDecodeError:
        wrapped["record_base64"] = base64.b64encode(record).decode()
    return json.dumps(wrapped, ensure_ascii=False).encode()


def wrap(records: Sequence[bytes], received: Sequence[int | None]) -> list[bytes]:
    """Records whose receipt is known in envelopes, the others as they are."""
    pairs = enumerate(zip(records, received, strict=True), start=1)
    return [r if at is None else envelope(r, at, line) for line, (r, at) in pairs]


def disagreements(
    records: Sequence[bytes], plan: Plan, received: Sequence[int | None] | None = None
) -> list[str]:
    """What the two engines say differently of records; empty when they agree."""
    known = [None] * len(records) if received is None else received
    ours = run(wrap(records, known), plan)
    return differences(ours, expected_tables(records, plan, known))


def expected_tables(
    records: Sequence[bytes], plan: Plan, received: Sequence[int | None]
) -> dict[str, Rows]:
    """Every table of the reference."""
    pairs = enumerate(zip(records, received, strict=True), start=1)
    given = [Record(record, at, "memory", str(line)) for line, (record, at) in pairs]
    return compute(given, dict(plan.options), _rows(plan.catalog), _rows(plan.questions))


def _rows(rows: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if rows is None else [dict(row) for row in rows]


def differences(ours: Result, expected: dict[str, Rows]) -> list[str]:
    """What differs between all tables, the dead letters and the counts."""
    names = expected.keys() - {"dead_letters", "counts"}
    found = [text for name in sorted(names) for text in of_table(name, ours.tables, expected[name])]
    found += _of_letters(ours.tables["dead_letters"], expected["dead_letters"])
    (counts,) = expected["counts"]
    return found + [
        f"count of {name}: {ours.counts[name]}, expected {counts[name]}"
        for name in COUNTS
        if ours.counts[name] != counts[name]
    ]


def of_table(name: str, ours: Mapping[str, Rows], expected: Rows) -> list[str]:
    """What differs between the rows of a table, joined by its key."""
    key = tables.get(name).key
    found, wanted = _by_key(ours.get(name, []), key), _by_key(expected, key)
    texts = [f"{name}: two rows of {k}" for k, n in _repeated(ours.get(name, []), key)]
    texts += [f"{name}: no row of {k}" for k in list(wanted.keys() - found.keys())[:_SHOWN]]
    texts += [f"{name}: a row of {k}" for k in list(found.keys() - wanted.keys())[:_SHOWN]]
    for shared in wanted.keys() & found.keys():
        texts += _of_row(f"{name} {shared}", wanted[shared], found[shared])
    return texts


def _of_row(name: str, expected: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    known = {c: v for c, v in expected.items() if c in row and c not in WORDS}
    columns = differing_columns(known, row)
    return [f"{name}: {c} is {row[c]!r}, expected {expected[c]!r}" for c in columns]


def _by_key(rows: Rows, key: Sequence[str]) -> dict[tuple, Mapping[str, Any]]:
    return {tuple(row[column] for column in key): row for row in rows}


def _repeated(rows: Rows, key: Sequence[str]) -> list[tuple[tuple, int]]:
    counts = Counter(tuple(row[column] for column in key) for row in rows)
    return [(k, n) for k, n in counts.items() if n > 1][:_SHOWN]


def _of_letters(ours: Rows, expected: Rows) -> list[str]:
    found, wanted = _letters(ours), _letters(expected)
    return [f"dead letters beyond: {found - wanted}"] * bool(found - wanted) + [
        f"dead letters missing: {wanted - found}"
    ] * bool(wanted - found)


def _letters(rows: Rows) -> Counter[tuple[int, str]]:
    return Counter((row["line"], row["reason"]) for row in rows)


def comparable(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Rows as sorted texts without what names the run: equal when the rows are the same."""
    left_out = {"processed_at", "payload", "position", "line", "dead_letter_id"}
    return sorted(repr({k: v for k, v in row.items() if k not in left_out}) for row in rows)
