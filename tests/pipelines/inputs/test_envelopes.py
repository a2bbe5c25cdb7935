"""Do records come out of their envelopes as they went in?"""

import json
from pathlib import Path

import apache_beam as beam
import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.inbox import InboxStream
from pipelines.inputs.streams.read import ReadStream
from pipelines.inputs.streams.sources import StreamSource
from pipelines.inputs.streams.watermarks import NO_WATERMARK_MS
from schemas import generate
from transforms.unwrap import open_envelope, unframe, unwrap

MS = 1_763_287_200_123
SCHEMA = Path(generate.__file__).parent / "generated/jsonschema/raw_envelope.json"


@given(st.one_of(st.binary(), st.text().map(str.encode)))
@example(b"")
@example(b"\0\0\0\0\x07{}")
@example(b'\xff{"record":"\\ud800"}')
@example('\x7f\u2028\0\ud7ff\U0010ffff\r\n\t"\\'.encode())
def test_any_bytes_come_back(content: bytes) -> None:
    line = wrap_record(MS, "quiz", content, 3, 17)
    assert b"\n" not in line
    envelope = open_envelope(line)
    assert envelope is not None
    assert (envelope.topic, envelope.position()) == ("quiz", "3:17")
    assert envelope.content() == unframe(content).strip()
    found = unwrap([line])
    assert found.received is not None
    assert found.received.tolist() == [MS]


@given(st.text(), st.text(min_size=1))
def test_any_names_come_back(topic: str, message_id: str) -> None:
    envelope = open_envelope(wrap_record(MS, topic, b"{}", message_id=message_id))
    assert envelope is not None
    assert (envelope.topic, envelope.position()) == (topic, message_id)


def test_text_stays_readable_and_other_bytes_are_base64() -> None:
    text = '{"a": "é"}'
    line = {"received_at": "2025-11-16T10:00:00.123Z", "topic": "quiz", "partition": 0, "offset": 0}
    assert json.loads(wrap_record(MS, "quiz", text.encode(), 0, 0)) == line | {"record": text}
    packed = json.loads(wrap_record(MS, "quiz", b"\xff\0", 0, 0))
    assert packed == line | {"record_base64": "/wA="}


@pytest.mark.parametrize("place", [{"partition": 1, "offset": 2**40}, {"message_id": "7"}])
@pytest.mark.parametrize("content", [b"{}", b"\xff"])
@pytest.mark.parametrize("received_ms", [-5, 0, MS, 10**18])
def test_lines_are_what_the_schema_of_the_raw_zone_says(received_ms, content, place) -> None:
    line = json.loads(wrap_record(received_ms, "quiz", content, **place))
    jsonschema.validate(line, json.loads(SCHEMA.read_text("utf-8")))


@pytest.mark.parametrize("watermark_ms", [NO_WATERMARK_MS, -1, 0, MS, 2**62])
def test_elements_travel_with_any_watermark(watermark_ms: int) -> None:
    elements = beam.Pipeline() | ReadStream(InboxStream("anywhere"))
    coder = beam.coders.registry.get_coder(elements.element_type)
    assert coder == beam.coders.TupleCoder((beam.coders.BytesCoder(), beam.coders.VarIntCoder()))
    assert coder == StreamSource().default_output_coder()
    assert coder.decode(coder.encode((b"\0x", watermark_ms))) == (b"\0x", watermark_ms)
