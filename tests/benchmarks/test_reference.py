"""Does the reference give the rows of every worked case, in any order and with records repeated?"""

import json
from datetime import date, datetime

import pytest

from benchmarks.reference import Record, compute
from tests.compare_rows import DEFAULT_KEY, compare_rows, load_cases, record_bytes

CASES = load_cases()


def _records(case: dict) -> list[Record]:
    received = case["options"].get("received_at")
    milliseconds = None
    if received is not None:
        milliseconds = round(datetime.fromisoformat(received).timestamp() * 1000)
    return [
        Record(record_bytes(event), milliseconds, "case", str(line))
        for line, event in enumerate(case["events"], start=1)
    ]


def _problems(case: dict, records: list[Record], copies: int = 1) -> list[str]:
    limits_off = {"max_future_seconds": 0, "max_age_days": 0}
    options = {**limits_off, **case["options"]}
    options.pop("received_at", None)
    tables = compute(records, options, case["catalog"])
    dead_letters = [{**row, "line": int(row["position"])} for row in tables["dead_letters"]]
    tables["dead_letters"] = dead_letters
    expected = dict(case["expected"])
    expected["dead_letters"] = expected.get("dead_letters", []) * copies
    key = options.get("key", DEFAULT_KEY)
    return [
        f"{table}: {problem}"
        for table, rows in expected.items()
        for problem in compare_rows(rows, tables[table], key)
    ]


def test_there_are_worked_cases():
    assert len(CASES) >= 35


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case_holds_in_given_order(case):
    assert _problems(case, _records(case)) == []


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case_holds_in_reversed_order(case):
    assert _problems(case, _records(case)[::-1]) == []


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case_holds_with_every_record_sent_twice(case):
    assert _problems(case, _records(case) * 2, copies=2) == []


def _visit(day: int, student: int, minutes: int) -> Record:
    event = {
        "event_id": f"{day}-{student}",
        "student_id": f"s{student}",
        "course_id": "k",
        "chapter_id": "c1",
        "start_time": f"2025-11-{day:02}T10:00:00Z",
        "end_time": f"2025-11-{day:02}T10:{minutes:02}:00Z",
    }
    return Record(json.dumps(event).encode())


def _month() -> list[Record]:
    """Ten days of five visits of 10, 11 or 12 minutes, and one day of 50 minutes."""
    days = {day: 10 + day % 3 for day in range(1, 11)} | {11: 50}
    return [_visit(day, student, days[day]) for day in days for student in range(5)]


def test_a_day_unlike_its_history_is_a_spike():
    spikes = compute(_month())["anomalies"]
    expected = {"kind": "chapter_time_spike", "date": "2025-11-11", "course_id": "k"}
    score = 0.6745 * (3000 - 660) / 60 / 3.5
    times = {"value": 3000, "expected": 660, "score": score, "severity": "high"}
    assert compare_rows([expected | times | {"session_id": None}], spikes) == []


def test_a_run_for_dates_gives_the_rows_of_a_run_over_everything():
    day = date(2025, 11, 11)
    whole, part = compute(_month()), compute(_month(), start_date=day, end_date=day)
    assert part["anomalies"] == whole["anomalies"]
    assert part["sessions"] == [row for row in whole["sessions"] if row["session_date"] == day]
    (counts,) = part["counts"]
    assert (counts["records_read"], counts["events"], counts["out_of_range"]) == (55, 5, 50)


def test_every_record_is_counted_once():
    records = [*_month(), *_month()[:3], Record(b"{"), Record(b" \r\n")]
    (counts,) = compute(records)["counts"]
    parts = ("events", "duplicates", "dead_letters", "excluded", "dropped", "out_of_range")
    assert counts["records_read"] == sum(counts[part] for part in parts) == 59


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" " + b"1" * 1_048_576, "too_large"),
        (b"\xff" + b"[" * 33, "invalid_utf8"),
        (b"[" * 33, "too_deep"),
        (b"[" * 32, "not_json"),
        (b'{"a" ' + b"[" * 33, "not_json"),
        (b'{"a": NaN, "b": ' + b"[" * 33, "not_json"),
        (b'{"a": "\\ud800"}', "not_json"),
        (b'["' + b"[" * 33 + b'"]', "not_an_object"),
        (b'{"timestamp": true}', "unknown_dialect"),
        (b'{"timestamp": "2025-11-16T24:00:00Z", "student_id": 1}', "bad_time"),
        (b'{"timestamp": "2025-11-16", "student_id": 1}', "bad_time"),
        (b'{"context": {}, "student_id": 1}', "bad_time"),
        (b'{"timestamp": 0, "student_id": true}', "bad_type"),
        (b'{"timestamp": 0, "student_id": 1, "payload": []}', "bad_type"),
        (b'{"timestamp": 0, "student_id": 1, "browser": 1}', "bad_type"),
    ],
)
def test_the_first_reason_of_the_list_wins(data, reason):
    assert [row["reason"] for row in compute([Record(data)])["dead_letters"]] == [reason]


def test_metadata_keeps_what_names_nobody():
    event = {
        "student_id": "s1",
        "timestamp": "2025-11-16T10:00:00Z",
        "colour": "red",
        "location": "IN-KA",
        "metadata": {"email": "x", "deep": [{"ip": 1, "to": "a@b.example"}], "a": 1, "none": None},
        "payload": {"a": 2, "b": "::1"},
    }
    (row,) = compute([Record(json.dumps(event).encode())])["events"]
    metadata = '{"a":1,"b":"[removed]","colour":"red","deep":[{"to":"[removed]"}]}'
    assert (row["metadata"], row["country_code"], row["region"]) == (metadata, "IN", "KA")
