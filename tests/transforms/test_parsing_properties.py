"""Does any sequence of bytes come through parsing, accepted or with the right reason?"""

import json
import math
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.reference.clock import BadTimeError
from benchmarks.reference.clock import read_time as reference_time
from tests.in_memory import Plan, run
from tests.transforms.adversaries import arrivals
from tests.transforms.both_engines import differences, expected_tables
from tests.transforms.test_properties import examples
from transforms.read_times import is_time, read_time, read_times

NO_LIMITS = Plan({"max_future_seconds": 0, "max_age_days": 0})
_KEYS = (
    "student_id", "timestamp", "start_time", "end_time", "chapter_start_time", "context",
    "event_id", "event_type", "event_name", "metadata", "payload", "device", "user_agent", "page",
    "page_url", "scroll_depth", "course_id", "lesson_id", "ip", "a", "Name", "é", "\u0000",
    "record",
)  # fmt: skip
_NUMBERS = (
    0, -0.0, 1, -1, 0.1, 1e22, 1e-320, 1e308, 2**53 + 1, 2**63, -(2**63), 2**64, 10**30,
    1_763_288_122_000, 1_763_288_122_000.9, 253_402_300_799_999, 253_402_300_800_000,
)  # fmt: skip
_TEXTS = (
    "", "s1", "2025-11-16T10:15:22Z", "2025-11-16 10:15", "a@b.example", "::1", "10.0.0.1", "😀",
    "\u2028", "\ud7ff", "\x7f", "/course/k/chapter/%00%ff", "?", "Mozilla/5.0 ()", "/", "ß", "İ",
)  # fmt: skip
_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(_NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.sampled_from(_TEXTS),
    st.text(max_size=12),
)
_keys = st.one_of(st.sampled_from(_KEYS), st.text(max_size=4))
_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=8,
)
_documents = st.fixed_dictionaries(
    {"student_id": st.sampled_from(("s1", 1, 1.5, None))},
    optional={name: _values for name in _KEYS if name != "student_id"}
    | {"timestamp": st.sampled_from((*_TEXTS[:4], *_NUMBERS))},
)
_documents_bytes = _documents.map(lambda d: json.dumps(d, ensure_ascii=False).encode())
_FRAGMENTS = (
    b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b"\xff", b"\xed\xa0\x80", b"NaN", b"-Infinity",
    b"1e400", b"-1e400", b"1E5", b"01", b"1.", b"-", b"9" * 40, b"[" * 33, b"]" * 33, b"{" * 40,
    b"\x00", b"\t", b"\xc2\xa0", b"\xef\xbb\xbf", b"tru", b"null", b",", b":", b'"', b"\\", b"}{",
    b"/**/", b"'a'", b"\r\n",
)  # fmt: skip


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A record with pieces cut out and put in."""
    data = draw(_documents_bytes)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.sampled_from((0, 0, 1, 2, 5)))
        data = data[:at] + draw(st.sampled_from(_FRAGMENTS) | st.just(b"")) + data[at + cut :]
    return data


_one_record = st.one_of(
    st.binary(min_size=1, max_size=40),
    _documents_bytes,
    _mutated(),
    _values.map(lambda v: json.dumps(v).encode()),
    st.sampled_from(_FRAGMENTS),
).filter(lambda record: record.strip() != b"" and b'"record' not in record)


def _disagreements(records: list[bytes]) -> list[str]:
    expected = expected_tables(records, NO_LIMITS, [None] * len(records))
    return differences(run(records, NO_LIMITS), expected)


@examples(150)
@example([b'{"student_id":1,"timestamp":0,"metadata":{"name":"x","b":null,"c":{"d":null}}}'])
@given(st.lists(_one_record, min_size=1, max_size=8))
def test_any_bytes_give_the_event_or_reason_of_the_reference(records: list[bytes]) -> None:
    assert _disagreements(records) == []


def test_brackets_after_a_number_out_of_range_are_not_counted() -> None:
    assert _disagreements([b'{"a": 1e400, "b": ' + b"[" * 33]) == []


@examples(60)
@given(arrivals(6), st.data())
def test_mutated_events_give_the_event_or_reason_of_the_reference(
    sent: Any, data: st.DataObject
) -> None:
    records = []
    for record in sent.records:
        at = data.draw(st.integers(0, len(record)))
        piece = data.draw(st.sampled_from(_FRAGMENTS))
        records.append(record[:at] + piece + record[at + data.draw(st.integers(0, 2)) :])
    assert _disagreements([r for r in records if r.strip()]) == []


_digits = st.sampled_from("0123456789:-+TZ .,t٣")
_times = st.one_of(
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}{}{}".format,
        st.sampled_from((1969, 1970, 1972, 2000, 2024, 2025, 2100, 9999, 0)),
        st.integers(0, 13), st.integers(0, 32), st.sampled_from("T T_t"),
        st.integers(0, 25), st.integers(0, 61),
        st.sampled_from(("", ":00", ":59", ":60", ":07.1", ":07.123", ":07.1239999", ":07.", ":7")),
        st.sampled_from(
            ("", "Z", "z", "+05:30", "-0530", "+14:00", "-24:00", "+00:60", "+05", " Z", "\n")
        ),
    ),
    st.datetimes().map(lambda d: d.isoformat() + "Z"),
    st.datetimes().map(lambda d: d.replace(microsecond=0).isoformat() + "Z"),
    st.text(_digits, min_size=16, max_size=24),
    st.sampled_from(_TEXTS),
)  # fmt: skip
_moments = st.one_of(_times, st.sampled_from(_NUMBERS), st.booleans(), st.none(), st.floats())


def _expected_time(value: Any) -> int | None:
    try:
        return reference_time(value)
    except (BadTimeError, ValueError, OverflowError):
        return None


@examples(300)
@given(st.lists(_moments, max_size=12))
def test_times_read_at_once_are_those_read_one_by_one(values: list[Any]) -> None:
    sane = [v for v in values if not (type(v) is float and not math.isfinite(v))]
    found = read_times(sane)
    assert found.dtype == np.int64
    together = [m if known else None for m, known in zip(found.tolist(), is_time(found).tolist())]
    assert together == [read_time(value) for value in sane]
    assert together == [_expected_time(value) for value in sane]


def test_every_day_of_a_leap_year_and_a_common_one_is_read() -> None:
    days = [f"{y}-{m:02}-{d:02}" for y in (2023, 2024) for m in range(1, 13) for d in range(1, 32)]
    texts = [f"{day}T23:59:59{fraction}Z" for day in days for fraction in ("", ".999")]
    assert [None if m < 0 else m for m in read_times(texts).tolist()] == [
        _expected_time(text) for text in texts
    ]
