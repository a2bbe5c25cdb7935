"""Do the lines of a text come out whole, once, and with their numbers?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.inputs import InputError, plan_chunks, read_blocks

MIB = 1 << 20


def test_lines_are_records_with_their_numbers(read_bytes):
    reading = read_bytes(b'{"a":1}\n{"b":2}\n')
    assert reading.records == [b'{"a":1}', b'{"b":2}']
    assert reading.positions == ["1", "2"]
    assert reading.failures == []


def test_crlf_blank_lines_and_blanks_around_are_not_part_of_records(read_bytes):
    reading = read_bytes(b'{"a":1}\r\n\r\n  \t\n {"b":2} \n\x0b\x0c\n{"c":3}')
    assert reading.records == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert reading.positions == ["1", "4", "6"]


def test_the_last_line_needs_no_line_end(read_bytes):
    assert read_bytes(b'{"a":1}\n{"b":2').records == [b'{"a":1}', b'{"b":2']


def test_a_byte_order_mark_is_skipped_at_the_beginning_only(read_bytes):
    for block_bytes in (1, 2, 100):
        reading = read_bytes(b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{}', block_bytes=block_bytes)
        assert reading.records == [b'{"a":1}', b"\xef\xbb\xbf{}"]
    assert read_bytes(b"\xef\xbb\xbf").records == []
    assert read_bytes(b"\xef\xbb").records == [b"\xef\xbb"]


def test_nul_bytes_and_invalid_utf8_pass_through(read_bytes):
    reading = read_bytes(b'{"a":"\x00"}\n\x00\x00\n{"a":"\xff\xfe"}\n')
    assert reading.records == [b'{"a":"\x00"}', b"\x00\x00", b'{"a":"\xff\xfe"}']


def test_a_file_of_blank_lines_has_no_records(read_bytes):
    reading = read_bytes(b"\n\r\n \n")
    assert (reading.records, reading.failures) == ([], [])


def test_a_line_of_two_mebibytes_is_one_record(read_bytes):
    line = b'{"a":"' + b"x" * (2 * MIB) + b'"}'
    reading = read_bytes(b"{}\n" + line + b"\n{}\n", chunk_bytes=MIB, block_bytes=MIB // 4)
    assert reading.records == [b"{}", line, b"{}"]
    assert reading.positions == ["1", "2", "3"]


def test_of_an_endless_line_sixteen_mebibytes_are_kept(read_bytes):
    content = b'{"a":1}\n' + b"x" * (40 * MIB) + b'\n{"b":2}\n'
    reading = read_bytes(content, chunk_bytes=5 * MIB)
    assert [len(record) for record in reading.records] == [7, 16 * MIB, 7]
    assert reading.positions == ["1", "2", "3"]


def test_an_endless_blank_before_a_record_does_not_hide_it(read_bytes):
    reading = read_bytes(b"{}\n" + b" " * (20 * MIB) + b'{"a":1}', chunk_bytes=50 * MIB)
    assert reading.records == [b"{}", b'{"a":1}']


def test_a_truncated_first_line_costs_one_record_only(read_bytes):
    reading = read_bytes(b'{"a":1,"b":\n{"a":2}\n{"a":3}\n')
    assert reading.records == [b'{"a":1,"b":', b'{"a":2}', b'{"a":3}']


def test_a_chunk_owns_the_lines_that_begin_in_it(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"{aaaa}\n{bbbb}\n{cccc}\n")
    first, second, third = plan_chunks([str(path)], None, 7)
    assert [next(read_blocks(c)).records for c in (first, second, third)] == [
        [b"{aaaa}"],
        [b"{bbbb}"],
        [b"{cccc}"],
    ]


def test_a_later_chunk_counts_lines_only_when_asked(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"{}\n" * 1000)
    last = plan_chunks([str(path)], None, 100)[-1]
    block = next(read_blocks(last))
    assert "count" not in vars(block.before)
    assert block.position(len(block.records) - 1) == "1000"
    assert vars(block.before)["count"] == 1000 - len(block.records)


def test_a_file_that_went_away_is_named(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"{}\n")
    (chunk,) = plan_chunks([str(path)], None)
    path.unlink()
    with pytest.raises(InputError, match=r"events\.jsonl"):
        list(read_blocks(chunk))


LINE = st.sampled_from(
    [b"", b" ", b'{"a":1}', b"x\r", b" {} ", b"\x00", b"\xff" * 9, b"\xef\xbb\xbf"]
)


@given(
    st.lists(LINE, max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_chunks_and_blocks_change_nothing(
    read, tmp_path_factory, lines, line_end, chunk_bytes, block_bytes
):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(b"{}\n" + line_end.join(lines))  # "{}": surely lines
    expected = [(line.strip(), str(number)) for number, line in enumerate(lines, 2) if line.strip()]
    reading = read(path, chunk_bytes=chunk_bytes, block_bytes=block_bytes)
    assert list(zip(reading.records, reading.positions, strict=True))[1:] == expected
