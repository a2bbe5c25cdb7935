"""Does gzip give every record before its fault, and say what was left?"""

import gzip
import json
import random
import zlib

import pytest

from pipelines.inputs import Unreadable

LINES = b'{"a":1}\n\n{"b":2}\n{"c":3}\n'


def stored(content: bytes, flush: bool = True) -> bytes:
    """gzip without its last 8 bytes (checksum and length)."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH if flush else zlib.Z_FINISH)


@pytest.mark.parametrize("block_bytes", [1, 7, 8 << 20])
def test_gzip_lines_are_read_like_plain_ones(read_bytes, block_bytes):
    reading = read_bytes(gzip.compress(b"\xef\xbb\xbf" + LINES), block_bytes=block_bytes)
    assert reading.formats == ["gzip"]
    assert reading.records == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert reading.positions == ["1", "3", "4"]
    assert reading.failures == []


def test_several_members_and_padding_are_one_text(read_bytes):
    content = gzip.compress(b'{"a":1}\n{"b"') + gzip.compress(b"") + gzip.compress(b":2}\n")
    for padding in (b"", b"\0" * 600):
        reading = read_bytes(content + padding, block_bytes=3)
        assert reading.records == [b'{"a":1}', b'{"b":2}']
        assert reading.failures == []


def test_arrays_and_spread_objects_are_found_inside_gzip(read_bytes):
    assert read_bytes(gzip.compress(b'[{"a":1},{"b":2}]')).records == [b'{"a":1}', b'{"b":2}']
    reading = read_bytes(gzip.compress(b'{\n"a":1\n}\n{\n"b":2\n}'))
    assert reading.records == [b'{\n"a":1\n}', b'{\n"b":2\n}']
    assert reading.positions == ["1", "4"]


def test_gzip_of_nothing_has_no_records_and_no_failure(read_bytes):
    reading = read_bytes(gzip.compress(b""))
    assert (reading.records, reading.failures) == ([], [])


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_truncated_file_gives_its_whole_lines_and_the_rest_as_payload(read_bytes, block_bytes):
    reading = read_bytes(stored(LINES + b'{"d":'), block_bytes=block_bytes)
    assert reading.records == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert reading.failures == [Unreadable("gzip: the file is cut off", b'{"d":', "4")]


def test_a_last_line_that_is_whole_is_a_record_although_the_file_is_cut_off(read_bytes):
    reading = read_bytes(stored(LINES + b'{"d":4}'))
    assert reading.records[-1] == b'{"d":4}'
    assert reading.failures == [Unreadable("gzip: the file is cut off", b"", "5")]


def test_only_the_checksum_missing_loses_no_record(read_bytes):
    reading = read_bytes(gzip.compress(LINES)[:-3])
    assert reading.records == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert reading.failures == [Unreadable("gzip: the file is cut off", b"", "4")]


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_wrong_checksum_delivers_all_and_is_told(read_bytes, block_bytes):
    content = bytearray(gzip.compress(LINES))
    content[-6] ^= 1
    reading = read_bytes(bytes(content), block_bytes=block_bytes)
    assert reading.records == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    (failure,) = reading.failures
    assert failure.position == "4"
    assert "incorrect data check" in failure.message


def test_corrupt_data_in_the_middle_gives_everything_decoded_before(read_bytes):
    rows = [b'{"n":%d}' % random.Random(7).randrange(10**9) for _ in range(2000)]
    good = stored(b"\n".join(rows) + b'\n{"half":')
    for block_bytes in (50, 8 << 20):
        reading = read_bytes(good + b"\xff" * 50, block_bytes=block_bytes)
        assert reading.records == rows
        (failure,) = reading.failures
        assert (failure.payload, failure.position) == (b'{"half":', "2000")
        assert failure.message.startswith("gzip: corrupt data")


def test_a_truncated_array_gives_its_whole_elements(read_bytes):
    reading = read_bytes(stored(b'[{"a":1},\n{"b":2},\n{"c":'))
    assert reading.records == [b'{"a":1}', b'{"b":2}']
    assert reading.failures == [Unreadable("gzip: the file is cut off", b'{"c":', "2")]
    reading = read_bytes(stored(b'[{"a":1},\n{"b":2}'))
    assert reading.records == [b'{"a":1}', b'{"b":2}']
    assert reading.failures == [Unreadable("gzip: the file is cut off", b"", "2")]


def test_garbage_after_the_magic_bytes_is_unreadable(read_bytes):
    for garbage in (b"", b"\x08", b"garbage garbage garbage", b"\0" * 40):
        reading = read_bytes(b"\x1f\x8b" + garbage)
        assert reading.records == []
        (failure,) = reading.failures
        assert (failure.payload, failure.position) == (b"", "0")
        assert failure.message.startswith("gzip: ")


def test_what_follows_the_members_is_told(read_bytes):
    reading = read_bytes(gzip.compress(LINES) + b"tail")
    assert len(reading.records) == 3
    assert reading.failures[0].message == "gzip: what follows the compressed data is not gzip"


def test_the_payload_is_one_mebibyte_at_most(read_bytes):
    reading = read_bytes(stored(b'{"a":1}\n{"b":"' + b"x" * (3 << 20)))
    assert reading.records == [b'{"a":1}']
    assert len(reading.failures[0].payload) == 1 << 20


def test_every_place_of_the_cut_gives_whole_records_then_one_failure(read_bytes):
    rows = [json.dumps({"n": n, "x": "y" * (n % 5)}).encode() for n in range(30)]
    content = gzip.compress(b"\n".join(rows) + b"\n")
    for cut in range(2, len(content)):
        reading = read_bytes(content[:cut])
        assert reading.records == rows[: len(reading.records)]
        assert len(reading.failures) == 1
