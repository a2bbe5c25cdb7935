"""Is whatever points to a person gone from `metadata`, and all else kept?"""

import json
from typing import Any

import pytest

from tests.in_memory import Plan, run
from transforms.redact import PERSONAL_KEYS


def _metadata(**fields: Any) -> Any:
    record = {"student_id": "s1", "timestamp": "2025-11-16T10:00:00Z", **fields}
    (row,) = run([json.dumps(record).encode()], Plan()).tables["events"]
    return row["metadata"]


@pytest.mark.parametrize("key", sorted(PERSONAL_KEYS))
def test_a_personal_key_goes_at_any_depth_and_in_any_case(key: str) -> None:
    nested = {"kept": [{key: 1, key.upper(): 2, "x": {key.title(): [3], "y": 4}}], key: {"a": 1}}
    expected = '{"kept":[{"x":{"y":4}}]}'
    assert _metadata(metadata=nested) == expected
    assert _metadata(payload=nested) == expected
    assert _metadata(unknown=nested) == '{"unknown":{"kept":[{"x":{"y":4}}]}}'


@pytest.mark.parametrize("key", sorted(PERSONAL_KEYS - {"student_id"}))
def test_a_personal_key_of_the_top_level_goes(key: str) -> None:
    assert _metadata(**{key: "x" if key == "user_agent" else 1, "kept": 1}) == '{"kept":1}'


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example", " A.b+c@sub.b.example ", "é@ü.example", "10.0.0.1", " 255.255.255.255 ",
        "::1", "[::1]", "2001:db8::8a2e:370:7334", "::ffff:10.0.0.1", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_a_text_that_is_an_address_is_removed(text: str) -> None:
    assert _metadata(metadata={"a": text, "b": [text, {"c": text}]}) == (
        '{"a":"[removed]","b":["[removed]",{"c":"[removed]"}]}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "write to a@b.example please", "a@b", "@b.example", "10.0.0", "10.0.0.256", "1.2.3.4.5",
        "10:15", "version 1.2.3.4", "a:b", "", "10.0.0.1/24", "http://10.0.0.1/",
    ],
)  # fmt: skip
def test_a_text_that_is_no_address_is_kept(text: str) -> None:
    assert json.loads(_metadata(metadata={"a": text})) == {"a": text}


def test_unknown_fields_come_before_metadata_and_metadata_before_payload() -> None:
    found = _metadata(a=1, metadata={"a": 2, "b": 2}, payload={"a": 3, "b": 3, "c": 3})
    assert found == '{"a":1,"b":2,"c":3}'


def test_a_null_does_not_hide_a_value_of_a_later_place() -> None:
    assert _metadata(a=None, metadata={"a": None, "b": None}, payload={"a": 3}) == '{"a":3}'


def test_nulls_inside_are_kept_and_empty_metadata_is_null() -> None:
    assert _metadata(metadata={"a": {"b": None}, "c": [None]}) == '{"a":{"b":null},"c":[null]}'
    assert _metadata(metadata={}) is None
    assert _metadata(metadata={"a": None}) is None
    assert _metadata(metadata={"email": "a@b.example"}) is None


def test_integers_beyond_64_bits_are_kept_exactly() -> None:
    assert _metadata(metadata={"b": 10**30, "a": -(2**63), "c": 2**64}) == (
        '{"a":-9223372036854775808,"b":' + str(10**30) + ',"c":18446744073709551616}'
    )


def test_fields_with_a_column_of_their_own_stay_out() -> None:
    assert _metadata(event_type="click", browser="Firefox", scroll_depth=5, course_id="k") is None


def test_keys_are_sorted_and_the_text_is_compact() -> None:
    assert _metadata(metadata={"b": "é", "a": {"d": 1, "c": [1, 2]}}) == (
        '{"a":{"c":[1,2],"d":1},"b":"é"}'
    )


def test_records_of_one_shape_keep_their_own_metadata() -> None:
    values = [1, None, "a@b.example", {"ip": 1}, [None], "x", True]
    records = [
        json.dumps({"student_id": "s", "event_id": f"{n}", "timestamp": n, "metadata": {"a": v}})
        for n, v in enumerate(values)
    ]
    rows = run([record.encode() for record in records], Plan()).tables["events"]
    assert [row["metadata"] for row in rows] == [
        '{"a":1}', None, '{"a":"[removed]"}', '{"a":{}}', '{"a":[null]}', '{"a":"x"}', '{"a":true}',
    ]  # fmt: skip
