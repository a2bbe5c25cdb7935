"""Do rows of Parquet and Avro become exact JSON, and do faults cost only what they must?"""

import io
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.inputs import plan_chunks, read_blocks
from pipelines.inputs.rows import json_rows

BERLIN = timezone(timedelta(hours=1))


def parquet(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def numbers(count):
    return pa.table({"n": pa.array(range(count)), "text": [f"row {n}" * 5 for n in range(count)]})


def test_parquet_rows_are_compact_json_with_sorted_keys(tmp_path, read):
    table = pa.table(
        {
            "z": ["ä", None],
            "at_zone": pa.array(
                [datetime(2025, 11, 16, 11, tzinfo=BERLIN), None], pa.timestamp("ms", "+01:00")
            ),
            "at": pa.array([datetime(2025, 11, 16, 10, 0, 0, 5000), None], pa.timestamp("ns")),
            "day": [date(2025, 11, 16), None],
            "price": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
            "raw": [b"caf\xc3\xa9", b"\xff\x00"],
            "share": [float("nan"), float("inf")],
            "map": pa.array([[("b", 1), ("a", 2)], None], pa.map_(pa.string(), pa.int64())),
            "tree": [{"y": [1, None], "b": [b"\xff"]}, None],
            "big": [2**62, None],
            "is": [True, None],
            "word": pa.array(["x", None]).dictionary_encode(),
        }
    )
    for codec in ("snappy", "zstd", "none"):
        reading = read(parquet(tmp_path / "a.bin", table, compression=codec))
        assert reading.records[0].decode() == (
            '{"at":"2025-11-16T10:00:00.005000","at_zone":"2025-11-16T10:00:00Z","big":'
            '4611686018427387904,"day":"2025-11-16","is":true,"map":{"a":2,"b":1},"price":1.50,'
            '"raw":"café","share":null,"tree":{"b":["/w=="],"y":[1,null]},"word":"x","z":"ä"}'
        )
        second = json.loads(reading.records[1])
        assert second.pop("raw") == "/wA="
        assert set(second.values()) == {None}
        assert reading.positions == ["1", "2"]


def test_values_python_cannot_hold_become_text_and_do_not_cost_the_row():
    invalid = pa.Array.from_buffers(pa.string(), 2, pa.array([b"ok", b"\xff"]).buffers())
    far = pa.array([10**18, 0]).cast(pa.timestamp("ms"))
    nested = pa.StructArray.from_arrays([far], ["at"])
    batch = pa.RecordBatch.from_arrays([invalid, far, nested], ["text", "at", "nested"])
    first, second = (json.loads(row) for row in json_rows(batch))
    assert first == {"text": "ok", "at": "1" + "0" * 18, "nested": {"at": "1" + "0" * 18}}
    assert second["text"] == "/w=="
    assert second["nested"] == {"at": "1970-01-01T00:00:00"}


def test_row_groups_are_chunks_and_rows_keep_their_numbers(tmp_path, read):
    path = parquet(tmp_path / "a.bin", numbers(100), row_group_size=10)
    whole = read(path)
    assert whole.positions == [str(n) for n in range(1, 101)]
    assert [json.loads(record)["n"] for record in whole.records] == list(range(100))
    for chunk_bytes in (1, 700, 5000):
        cut = read(path, chunk_bytes=chunk_bytes, block_bytes=100)
        assert (cut.records, cut.positions) == (whole.records, whole.positions)
    assert len(plan_chunks([str(path)], None, 1)) == 10
    assert len(plan_chunks([str(path)], None)) == 1


def test_parquet_is_read_in_batches(tmp_path):
    path = parquet(tmp_path / "a.bin", numbers(1000))
    (chunk,) = plan_chunks([str(path)], None)
    assert max(len(block.records) for block in read_blocks(chunk, 2000)) < 100


def test_parquet_without_rows_has_no_records(tmp_path, read):
    reading = read(parquet(tmp_path / "a.bin", numbers(0)))
    assert (reading.records, reading.failures) == ([], [])


@pytest.mark.parametrize("cut", [4, 100, -1, -20])
def test_a_parquet_file_without_its_footer_is_unreadable(tmp_path, read, cut):
    path = parquet(tmp_path / "a.bin", numbers(100))
    path.write_bytes(path.read_bytes()[:cut])
    reading = read(path)
    assert reading.records == []
    (failure,) = reading.failures
    assert (failure.payload, failure.position) == (b"", "0")
    assert failure.message.startswith("parquet: the footer cannot be read")


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_broken_row_groups_cost_their_own_rows_and_are_told_once(tmp_path, read, chunk_bytes):
    path = parquet(tmp_path / "a.bin", numbers(100), row_group_size=10, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    about = pq.read_metadata(path)
    for group in (3, 7):
        column = about.row_group(group).column(1)
        place = column.dictionary_page_offset + column.total_compressed_size // 2
        content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)
    reading = read(path, chunk_bytes=chunk_bytes)
    kept = [n for n in range(100) if n // 10 not in (3, 7)]
    assert [json.loads(record)["n"] for record in reading.records] == kept
    assert reading.positions == [str(n + 1) for n in kept]
    (failure,) = reading.failures
    assert failure.position == "30"
    assert "row group 4 of 10 rows" in failure.message
    assert "nor row groups 8" in failure.message


SCHEMA = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "z", "type": ["null", "string"]},
        {"name": "n", "type": "long"},
        {"name": "raw", "type": "bytes"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2},
        },
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "map", "type": {"type": "map", "values": "double"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
    ],
}


def event(n):
    return {
        "z": None,
        "n": n,
        "raw": b"\xff",
        "at": datetime(2025, 11, 16, 10, tzinfo=UTC),
        "local": datetime(2025, 11, 16, 10),
        "day": date(2025, 11, 16),
        "clock": time(10, 0),
        "price": Decimal("1.50"),
        "id": UUID(int=n),
        "map": {"b": float("nan"), "a": 1.5},
        "kind": "B",
    }


def avro(rows, schema=SCHEMA, codec="null", **options):
    file = io.BytesIO()
    fastavro.writer(file, schema, rows, codec=codec, **options)
    return file.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_avro_rows_are_compact_json_with_sorted_keys(read_bytes, codec):
    reading = read_bytes(avro([event(1), event(2)], codec=codec), block_bytes=10)
    assert reading.formats == ["avro"]
    assert reading.records[0].decode() == (
        '{"at":"2025-11-16T10:00:00Z","clock":"10:00:00","day":"2025-11-16",'
        '"id":"00000000-0000-0000-0000-000000000001","kind":"B","local":"2025-11-16T10:00:00",'
        '"map":{"a":1.5,"b":null},"n":1,"price":1.50,"raw":"/w==","z":null}'
    )
    assert reading.positions == ["1", "2"]
    assert reading.failures == []


def repacked(codec, name):
    """An Avro file of one block in a codec for which fastavro wants more packages."""
    plain = avro([{"n": n} for n in range(50)], LONGS)
    header, sync = plain.split(b"\x00" + plain[-16:], 1)[0], plain[-16:]
    header = header.replace(b"\x08null", bytes([2 * len(name)]) + name)
    body = b"".join(bytes([2 * n]) for n in range(50))
    packed = codec(body)
    return header + b"\x00" + sync + bytes([100]) + bytes([2 * len(packed)]) + packed + sync


LONGS = {"type": "record", "name": "R", "fields": [{"name": "n", "type": "long"}]}


def test_avro_in_snappy_and_zstandard(read_bytes):
    import zlib

    def snappy(data):
        return pa.compress(data, "snappy", asbytes=True) + zlib.crc32(data).to_bytes(4, "big")

    def zstd(data):
        return pa.compress(data, "zstd", asbytes=True)

    for codec, name in ((snappy, b"snappy"), (zstd, b"zstandard")):
        reading = read_bytes(repacked(codec, name))
        assert reading.failures == []
        assert reading.records == [b'{"n":%d}' % n for n in range(50)]


def test_a_truncated_avro_file_gives_the_rows_before_the_cut(read_bytes):
    rows = [{"n": n} for n in range(1000)]
    content = avro(rows, LONGS, sync_interval=100)
    expected = [b'{"n":%d}' % n for n in range(1000)]
    counts = set()
    for cut in range(len(content) - 300, len(content), 7):
        reading = read_bytes(content[:cut])
        counts.add(len(reading.records))
        assert reading.records == expected[: len(reading.records)]
        assert len(reading.records) > 700
        assert [failure.position for failure in reading.failures] in (
            [],  # cut exactly between two blocks
            [str(len(reading.records))],
        )
    assert len(counts) > 20  # rows of the block that is cut off are among them


def test_a_corrupt_avro_block_ends_the_file_with_one_failure(read_bytes):
    content = bytearray(avro([{"n": n} for n in range(1000)], LONGS, "deflate", sync_interval=100))
    marks = [i for i in range(len(content)) if content[i : i + 16] == content[-16:]]
    content[marks[4] + 3] ^= 1
    reading = read_bytes(bytes(content), block_bytes=100)
    assert reading.records == [b'{"n":%d}' % n for n in range(len(reading.records))]
    assert 200 < len(reading.records) < 1000
    (failure,) = reading.failures
    assert failure.position == str(len(reading.records))
    assert failure.message.startswith("avro: a block does not end with the mark")


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x02" * 100, b"\xff" * 100])
def test_garbage_after_the_avro_magic_is_unreadable(read_bytes, garbage):
    reading = read_bytes(b"Obj\x01" + garbage)
    assert reading.records == []
    (failure,) = reading.failures
    assert (failure.payload, failure.position) == (b"", "0")
    assert failure.message.startswith("avro: the header cannot be read")


def test_an_unknown_codec_is_told(read_bytes):
    content = avro([{"n": 1}], LONGS).replace(b"\x08null", b"\x08nope")
    assert "codec 'nope' is not known" in read_bytes(content).failures[0].message


def test_an_avro_time_beyond_every_calendar_stays_a_number(read_bytes):
    at = {"type": "long", "logicalType": "timestamp-millis"}
    schema = {"type": "record", "name": "R", "fields": [{"name": "at", "type": at}]}
    reading = read_bytes(avro([{"at": 10**17}, {"at": 0}], schema))
    assert reading.records == [b'{"at":100000000000000000}', b'{"at":"1970-01-01T00:00:00Z"}']
    assert reading.failures == []


def test_avro_without_rows_has_no_records(read_bytes):
    reading = read_bytes(avro([], LONGS))
    assert (reading.records, reading.failures) == ([], [])


def test_avro_rows_that_are_no_records_still_come_out(read_bytes):
    assert read_bytes(avro(["x"], "string")).records == [b'{"value":"x"}']
