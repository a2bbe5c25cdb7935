"""Does the peeked time of a record agree with what parsing makes of it?"""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulate import Options, simulate
from tests.transforms.adversaries import Arrivals, arrivals
from transforms.parse import MAX_INTERVAL_MS, ParseOptions, parse_records
from transforms.peek_times import peek_event_ms
from transforms.read_times import read_time
from transforms.unwrap import decode_receipts

WITHOUT_TIME = {"unknown_dialect", "bad_time", "end_before_start", "interval_too_long"}
NO_RECORD = {"not_an_object", "too_deep", "not_json", "invalid_utf8", "too_large"}
OPTIONS = ParseOptions({}, 0, 0)


def check_agreement(records: Sequence[bytes]) -> set[str]:
    """Compare every record; the reasons of those that are no events."""
    decoded, receipts = decode_receipts(records)
    parsed = parse_records(receipts.records, decoded, receipts.received, OPTIONS)
    if not parsed.events.is_empty():
        found = parsed.events.select("row", "occurred_ms", "ended_ms")
        for row, occurred_ms, ended_ms in found.iter_rows():
            assert peek_event_ms(records[row]) == (ended_ms or occurred_ms), records[row]
    for row, reason, _ in parsed.failures:
        if reason in WITHOUT_TIME:
            assert peek_event_ms(records[row]) is None, records[row]
    return {reason for _, reason, _ in parsed.failures}


def test_simulated_events_have_the_time_that_parsing_finds() -> None:
    records = simulate(Options(students=60, days=3, bad=0.05)).records
    assert check_agreement(records) > WITHOUT_TIME - {"interval_too_long"}


@settings(max_examples=300, deadline=None)
@given(arrivals())
def test_events_of_adversaries_have_the_time_that_parsing_finds(arrived: Arrivals) -> None:
    check_agreement(arrived.records)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False),
    st.sampled_from(["2025-11-16T10:00:00Z", "2025-11-16 10:00:00.1234+05:30", "soon", ""]),
    st.integers(0, 2 * 86_400_000), st.just([]), st.just({"a": {"timestamp": 7}}),
)  # fmt: skip
KEYS = ("timestamp", "start_time", "chapter_start_time", "end_time", "chapter_end_time", "context")


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_mixture_of_times_is_read_as_parsing_reads_it(fields: dict) -> None:
    check_agreement([json.dumps({"student_id": "s", **fields}).encode()])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_time_or_none(record: bytes) -> None:
    check_agreement([record])


NASTY = (
    b"", b"null", b"[1]", b'"timestamp"', b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe",
    b'{"timestamp":"\xff"}', b'{"student_id":1,"timestamp":1}trailing', b'{"timestamp":1e999}',
)  # fmt: skip


@pytest.mark.parametrize("record", NASTY, ids=range(len(NASTY)))
def test_what_is_no_record_has_no_time(record: bytes) -> None:
    assert peek_event_ms(record) is None


def test_the_last_of_equal_keys_counts() -> None:
    check_agreement([b'{"student_id":"s","timestamp":1,"timestamp":"2025-11-16T10:00:00Z"}'])


def test_a_message_framed_by_a_schema_registry_has_the_time_of_its_record() -> None:
    assert peek_event_ms(b'\0\0\0\0\x07{"timestamp":1234}') == 1234


def test_an_interval_counts_at_its_end_if_it_is_not_longer_than_a_day() -> None:
    start_ms = read_time("2025-11-16T10:00:00Z")
    for length_ms in (-1, 0, 1, MAX_INTERVAL_MS, MAX_INTERVAL_MS + 1):
        record = {"start_time": start_ms, "end_time": start_ms + length_ms, "timestamp": 5}
        expected = start_ms + length_ms if 0 <= length_ms <= MAX_INTERVAL_MS else None
        assert peek_event_ms(json.dumps(record).encode()) == expected
