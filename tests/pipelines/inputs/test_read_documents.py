"""Do the values of arrays and of spread JSON come out exactly, rubbish included?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

MIB = 1 << 20


@pytest.fixture(params=[1, 3, 64, 8 * MIB])
def document(request, read_bytes):
    """(records, lines) of a document, with blocks of several sizes."""

    def records_and_lines(content):
        reading = read_bytes(content, block_bytes=request.param)
        assert reading.formats == ["document"]
        assert reading.failures == []
        return reading.records, [int(position) for position in reading.positions]

    return records_and_lines


def test_elements_of_an_array_on_one_line(document):
    assert document(b' [{"a": [1, 2]}, {"b": "x,]}"} ,3]\n') == (
        [b'{"a": [1, 2]}', b'{"b": "x,]}"}', b"3"],
        [1, 1, 1],
    )


def test_elements_of_an_array_over_lines_keep_their_own_bytes_and_first_line(document):
    text = b'[\r\n  {\r\n    "a": 1\r\n  },\r\n\r\n  {"b": 2}\r\n]\r\n'
    assert document(text) == ([b'{\r\n    "a": 1\r\n  }', b'{"b": 2}'], [2, 6])


def test_values_one_after_the_other(document):
    text = b'{\n "a": 1\n}\n{\n "b": {"c": [\n1]}\n}{\n}\n["x"]\n12 \n"te{xt" true\n'
    assert document(text) == (
        [b'{\n "a": 1\n}', b'{\n "b": {"c": [\n1]}\n}', b"{\n}", b'["x"]', b"12", b'"te{xt" true'],
        [1, 4, 7, 9, 10, 11],
    )


def test_an_empty_array_has_no_records(document):
    assert document(b" [ ] \n") == ([], [])


def test_brackets_and_quotes_inside_strings_do_not_count(document):
    text = rb'[{"a": "\"}]{,"}, {"b": "\\"}, "\\\"", {"c": "{"}]'
    assert document(text)[0] == [
        rb'{"a": "\"}]{,"}',
        rb'{"b": "\\"}',
        rb'"\\\""',
        b'{"c": "{"}',
    ]


def test_rubbish_between_commas_is_a_record_of_its_own(document):
    text = b'[{"a":1}, {bad}, nope, {"b":[1}, {"c":3} x, ,{"d":4}]'
    assert document(text)[0] == [
        b'{"a":1}',
        b"{bad}",
        b"nope",
        b'{"b":[1}',
        b'{"c":3} x',
        b'{"d":4}',
    ]


def test_an_unterminated_value_at_the_end_is_one_record(document):
    assert document(b'[{"a":1},\n{"b":[2,{"c"') == ([b'{"a":1}', b'{"b":[2,{"c"'], [1, 2])
    assert document(b'{\n"a":1\n}\n{\n"b": "x') == ([b'{\n"a":1\n}', b'{\n"b": "x'], [1, 4])


def test_a_missing_end_of_the_array_loses_nothing(document):
    assert document(b'[{"a":1},\n{"b":2}\n') == ([b'{"a":1}', b'{"b":2}'], [1, 2])


def test_a_cut_off_object_ends_where_the_next_begins_in_column_0(document):
    text = b'{\n  "a": 1\n}\n{\n  "b": 2,\n{\n  "c": 3\n}\n'
    assert document(text) == (
        [b'{\n  "a": 1\n}', b'{\n  "b": 2,', b'{\n  "c": 3\n}'],
        [1, 4, 6],
    )


def test_an_array_recovers_at_the_next_line_that_begins_an_object(document):
    text = b'[\n{"a":1},\n{"b":{"x":2},\n{"c":3}\n{"d":4},\n{"e":5}\n]\n'
    assert document(text) == (
        [b'{"a":1}', b'{"b":{"x":2},', b'{"c":3}', b'{"d":4}', b'{"e":5}'],
        [2, 3, 4, 5, 6],
    )


def test_correct_json_without_indentation_is_never_cut(document):
    rows = [{"a": [{"x": 1}, {"y": [{"z": {}}]}], "b": {"c": [[{}]]}}, {"d": 1}]
    assert [json.loads(r) for r in document(json.dumps(rows, indent=0).encode())[0]] == rows
    assert document(b'{\n"a":\n{\n"b": 1\n}\n}\n') == ([b'{\n"a":\n{\n"b": 1\n}\n}'], [1])


def test_an_unterminated_string_ends_with_its_line(document):
    text = b'[\n{"a":"x},\n{"b":"y"},\n{"c":"z\\\n{"d":1}\n]'
    assert document(text)[0] == [b'{"a":"x},', b'{"b":"y"},'[:-1], b'{"c":"z\\', b'{"d":1}']


def test_an_array_that_ends_too_early_does_not_hide_what_follows(document):
    text = b'[\n{"a":1],\n{"b":2},\n{"c":3}\n]\nend\n'
    assert document(text)[0] == [b'{"a":1', b'{"b":2}', b'{"c":3}', b"]", b"end"]


def test_one_array_after_the_other(document):
    assert document(b'[\n{"a":1}\n]\n[\n{"b":2}\n]') == ([b'{"a":1}', b'{"b":2}'], [2, 5])


def test_mark_blanks_and_line_ends_around_a_document(document):
    assert document(b'\xef\xbb\xbf\r\n[\r\n{"a":1}\r\n]\r\n') == ([b'{"a":1}'], [3])


def test_nul_and_invalid_utf8_pass_through(document):
    assert document(b'[{"a":"\xff\x00"},\n{"b":1}]')[0] == [b'{"a":"\xff\x00"}', b'{"b":1}']


def test_of_an_endless_value_sixteen_mebibytes_are_kept_and_the_next_is_found(read_bytes):
    long = b'{"a":"' + b"{" * (9 * MIB) + b'","b":[' + b"1,\n" * (4 * MIB) + b"1]}"
    for block_bytes in (3 * MIB, 8 * MIB, 16 * MIB):
        content = b'[\n{"z":1},\n' + long + b',\n{"b":2}\n]'
        reading = read_bytes(content, block_bytes=block_bytes)
        assert reading.records == [b'{"z":1}', long[: 16 * MIB].strip(), b'{"b":2}']
        assert reading.positions == ["2", "3", str(4 + 4 * MIB)]


def test_endless_rubbish_between_values_is_cut_too(read_bytes):
    content = b'{\n"a":1\n}\n"' + b"{," * (10 * MIB) + b'\n{\n"b":2}'
    records = read_bytes(content, block_bytes=4 * MIB).records
    assert records[0] == b'{\n"a":1\n}'
    assert records[-1] == b'{\n"b":2}'
    assert all(len(record) <= 16 * MIB for record in records)


def test_memory_does_not_grow_with_the_document(read_bytes):
    from pipelines.inputs.documents import _Scanner

    scanner = _Scanner()
    scanner.feed(b"[")
    for _ in range(1000):
        scanner.feed(b'{"a": [1, 2, {"b": "' + b"x" * 500 + b'"}]},\n')
        assert len(scanner._buffer) < 1024


JSON = st.recursive(
    st.none() | st.integers() | st.text('a{}[]",:\\\n é', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k{", max_size=2), inner),
    max_leaves=8,
)


@given(st.lists(JSON, min_size=1, max_size=4), st.sampled_from([None, 0, 1]), st.integers(1, 50))
def test_any_array_gives_its_elements(read, tmp_path_factory, rows, indent, block_bytes):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(rows, indent=indent))
    assert [json.loads(r) for r in read(path, block_bytes=block_bytes).records] == rows


@given(
    st.lists(st.dictionaries(st.text("k{", max_size=2), JSON, min_size=1), min_size=1, max_size=4)
)
def test_any_objects_over_lines_give_themselves(read, tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "many.json"
    path.write_text("\n".join(json.dumps(row, indent=1) for row in rows))
    assert [json.loads(record) for record in read(path).records] == rows


@given(
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\n", b"a", b" ", b'{"k":1}', b"\n{"]
        ),
        max_size=40,
    ),
    st.integers(1, 30),
)
def test_rubbish_is_cut_the_same_whatever_the_blocks_and_no_letter_is_lost(
    read, tmp_path_factory, parts, block_bytes
):
    path = tmp_path_factory.getbasetemp() / "rubbish.json"
    path.write_bytes(b"[\n1,\n" + b"".join(parts))
    whole, cut = read(path), read(path, block_bytes=block_bytes)
    assert (whole.records, whole.positions) == (cut.records, cut.positions)
    letters = b"".join(parts).count(b"a") + b"".join(parts).count(b"k")
    assert sum(r.count(b"a") + r.count(b"k") for r in whole.records) == letters
