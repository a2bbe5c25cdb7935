"""Do envelopes of the raw zone give back their records, and what is no envelope stays as it is?"""

import base64
import json
from typing import Any

import pytest

from transforms.unwrap import UNKNOWN_MS, unwrap

RECORD = b'{"student_id":"\xc3\xa9","timestamp":0}'
RECEIPT = {"received_at": "2025-11-16T10:00:00.123Z", "topic": "quiz"}
RECEIVED_MS = 1_763_287_200_123


def _envelope(**fields: Any) -> bytes:
    return json.dumps(RECEIPT | fields, ensure_ascii=False).encode()


def test_an_envelope_gives_the_record_its_receipt_and_its_place() -> None:
    found = unwrap([b"{}", _envelope(partition=3, offset=17, record=RECORD.decode())])
    assert list(found.records) == [b"{}", RECORD]
    assert found.received is not None
    assert found.received.tolist() == [UNKNOWN_MS, RECEIVED_MS]
    assert found.origins.keys() == {1}
    assert (found.origins[1].topic, found.origins[1].position()) == ("quiz", "3:17")


def test_a_message_id_names_the_place() -> None:
    found = unwrap([_envelope(message_id="m-1", record="{}")])
    assert found.origins[0].position() == "m-1"


@pytest.mark.parametrize("record", [RECORD, b"\xff\x00", b" {} \r\n", b"[" * 50])
def test_bytes_that_are_no_text_come_in_base64(record: bytes) -> None:
    wrapped = _envelope(offset=0, record_base64=base64.b64encode(record).decode())
    assert list(unwrap([wrapped]).records) == [record.strip()]


def test_white_space_around_the_record_is_none_of_its_bytes() -> None:
    assert list(unwrap([_envelope(record=" \t{}\r\n")]).records) == [b"{}"]


@pytest.mark.parametrize("received_at", [None, "soon", [], "1969-12-31T23:59:59Z", True])
def test_a_receipt_that_is_no_time_is_unknown(received_at: Any) -> None:
    found = unwrap([_envelope(record="{}", received_at=received_at)])
    assert list(found.records) == [b"{}"]
    assert found.received is not None
    assert found.received.tolist() == [UNKNOWN_MS]


def test_a_receipt_may_be_a_number_of_milliseconds() -> None:
    found = unwrap([_envelope(record="{}", received_at=RECEIVED_MS)])
    assert found.received is not None
    assert found.received.tolist() == [RECEIVED_MS]


@pytest.mark.parametrize(
    "record",
    [
        b"", b"{}", RECORD, b'{"record', b'{"record": 1}', b'{"record": "x"}', b'"record"',
        b'["record"]', b'{"records": [], "topic": "t", "received_at": 0, "record_base64": ""}',
        _envelope(record=5), _envelope(record_base64="no base64!"), _envelope(record=None),
        b'{"topic": "t", "record": "{}"}', b'{"received_at": 0, "record": "{}"}',
        b'\xff{"record": "{}", "topic": "t", "received_at": 0}', b'{"record":' * 5000,
    ],
)  # fmt: skip
def test_what_is_no_envelope_stays_as_it_is(record: bytes) -> None:
    found = unwrap([record])
    assert (list(found.records), found.received, found.origins) == ([record], None, {})


def test_nothing_is_unwrapped_twice() -> None:
    inner = _envelope(record="{}").decode()
    assert list(unwrap([_envelope(record=inner)]).records) == [inner.encode()]


def test_a_message_framed_by_a_schema_registry_gives_the_record_in_the_frame() -> None:
    framed = base64.b64encode(b"\x00\x00\x00\x01\xff" + RECORD).decode()
    assert list(unwrap([_envelope(record_base64=framed)]).records) == [RECORD]
