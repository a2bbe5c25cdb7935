"""Does any input, however broken, end in rows and dead letters that add up, never in a crash?"""

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest

from tests.pipelines.whole_runs import completed, contents, page_view, read, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
EVENTS = [page_view(n) for n in range(30)]
LINES = [json.dumps(event).encode() for event in EVENTS]
TEXT = b"\n".join(LINES) + b"\n"


def _reasons(warehouse: Path) -> Counter[str]:
    return Counter(row["reason"] for row in read(warehouse, "ops.dead_letters"))


def _deep(levels: int) -> bytes:
    """A record of that many levels, its own included."""
    inner = "[" * (levels - 2) + "]" * (levels - 2)
    return json.dumps(page_view(99)).encode()[:-1] + b', "metadata": {"a": %s}}' % inner.encode()


def _padded(size: int) -> bytes:
    """A record of that many bytes."""
    bare = json.dumps(page_view(98) | {"metadata": {"text": ""}}).encode()
    return bare[:-3] + b"x" * (size - len(bare)) + bare[-3:]


def _zip(content: bytes) -> bytes:
    """Without the time of day: workers have to find tests of the same names."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "events", "letters"),
    [
        (b"", 0, {}),
        (b"\n\r\n  \n", 0, {}),
        (b"\xef\xbb\xbf", 0, {}),
        (b"null\n[]\n{\n", 0, {"not_json": 1, "not_an_object": 2}),
        (b"\xef\xbb\xbf" + TEXT, 30, {}),
        (TEXT.replace(b"\n", b"\r\n"), 30, {}),
        (TEXT.rstrip(b"\n"), 30, {}),
        (TEXT + b"\n\n" + TEXT, 30, {}),
        (TEXT + b"\x00\x00\n", 30, {"not_json": 1}),
        (TEXT + LINES[0].replace(b"/course", b"\xff/course"), 30, {"invalid_utf8": 1}),
        (TEXT + _deep(32), 31, {}),
        (TEXT + _deep(33), 30, {"too_deep": 1}),
        (TEXT + b'{"a":' * 200_000, 30, {"too_deep": 1}),
        (TEXT + _padded(1_048_576) + b"\r\n", 31, {}),
        (TEXT + _padded(1_048_577) + b"\n", 30, {"too_large": 1}),
        (TEXT + _padded(2 << 20) + b"\n" + LINES[1], 30, {"too_large": 1}),
        (TEXT + b"x" * (40 << 20) + b"\n" + LINES[1], 30, {"too_large": 1}),
        (json.dumps(EVENTS).encode(), 30, {}),
        (json.dumps(EVENTS, indent=2).encode(), 30, {}),
        ("\n".join(json.dumps(event, indent=4) for event in EVENTS).encode(), 30, {}),
        (json.dumps([*EVENTS, 5, None]).encode(), 30, {"not_an_object": 2}),
        (json.dumps(EVENTS, indent=1).encode()[:-40], 29, None),
        (b"\x1f\x8b", 0, {"unreadable_source": 1}),
        (_zip(b""), 0, {}),
        (_zip(TEXT), 30, {}),
        (_zip(TEXT[:1000]) + _zip(TEXT[1000:]), 30, {}),
        (_zip(TEXT)[:14], 0, {"unreadable_source": 1}),
        (_zip(TEXT) + b"garbage", 30, {"unreadable_source": 1}),
        (b"PAR1 but not really", 0, {"unreadable_source": 1}),
        (b"Obj\x01 but not really", 0, {"unreadable_source": 1}),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_odd_file_gives_its_events_and_dead_letters(
    tmp_path: Path, content: bytes, events: int, letters: dict[str, int] | None
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    row = completed(tmp_path / "w", source)
    assert row["events"] == len(read(tmp_path / "w", "silver.events")) == events
    if letters is None:
        assert row["dead_letters"] > 0
    else:
        assert json.loads(row["dead_letters_by_reason"]) == letters == _reasons(tmp_path / "w")


def test_truncated_gzip_keeps_what_could_be_read(tmp_path: Path) -> None:
    lines = [json.dumps(page_view(n)).encode() for n in range(9000)]
    whole = gzip.compress(b"\n".join(lines))
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    row = completed(tmp_path / "w", tmp_path / "cut.jsonl.gz")
    assert 1000 < row["events"] < 8000
    assert _reasons(tmp_path / "w")["unreadable_source"] == 1


def test_folder_of_empty_files_is_a_run_without_events(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.gz", "c.parquet", "d.avro"):
        write_lines(tmp_path / "in" / name, [])
    assert completed(tmp_path / "w", tmp_path / "in")["records_read"] == 0
    assert not any(contents(tmp_path / "w").values())


def _parquet(events: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(events).write_parquet(sink, compression="snappy", row_group_size=7)
    return sink.getvalue()


def _avro(events: list[dict[str, Any]]) -> bytes:
    fields = [{"name": name, "type": "string"} for name in events[0]]
    sink = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "event", "fields": fields})
    fastavro.writer(sink, schema, events, codec="deflate", sync_interval=500)
    return sink.getvalue()


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "parquet": _parquet,
    "avro": _avro,
    "json": lambda events: json.dumps(events, indent=1).encode(),
    "gzip": lambda events: gzip.compress(b"\n".join(json.dumps(e).encode() for e in events)),
    "lines": lambda events: b"\n".join(json.dumps(e).encode() for e in events),
}


@pytest.fixture(scope="module")
def from_lines(
    tmp_path_factory: pytest.TempPathFactory, pseudonym_key: str
) -> dict[str, list[str]]:
    """The tables of the events as plain lines."""
    folder = tmp_path_factory.mktemp("lines")
    completed(folder / "w", write_lines(folder / "events.jsonl", LINES))
    return contents(folder / "w")


@pytest.mark.parametrize("name", FORMATS)
def test_format_gives_the_same_rows_as_lines(
    tmp_path: Path, from_lines: dict[str, list[str]], name: str
) -> None:
    # Told by its content: the name of the file says nothing.
    (tmp_path / "events").write_bytes(FORMATS[name](EVENTS))
    completed(tmp_path / "w", tmp_path / "events")
    assert contents(tmp_path / "w") == from_lines


def test_formats_mixed_in_one_folder_give_the_same_rows(
    tmp_path: Path, from_lines: dict[str, list[str]]
) -> None:
    folder = tmp_path / "in" / "date=2025-11-16"
    folder.mkdir(parents=True)
    for n, (name, write) in enumerate(FORMATS.items()):
        (folder / name).write_bytes(write(EVENTS[6 * n : 6 * n + 12]))
    row = completed(tmp_path / "w", tmp_path / "in")
    assert contents(tmp_path / "w") == from_lines
    assert (row["records_read"], row["duplicates"]) == (54, 24)


def test_rows_of_parquet_that_are_no_events_are_dead_letters(tmp_path: Path) -> None:
    frame = pl.DataFrame({"student_id": ["s", None], "other": [1.5, float("nan")]})
    frame.write_parquet(tmp_path / "odd.parquet")
    assert completed(tmp_path / "w", tmp_path / "odd.parquet")["dead_letters"] == 2


def test_files_dropped_while_their_dates_are_run_count_only_where_they_lie(tmp_path: Path) -> None:
    for day in range(10, 22):
        event = page_view(day, timestamp=f"2025-11-{day}T10:00:00Z")
        write_lines(tmp_path / "in" / f"date=2025-11-{day}" / "a.jsonl", [event])
    row = completed(tmp_path / "w", tmp_path / "in", start_date="2025-11-15", end_date="2025-11-16")
    assert (row["records_read"], row["events"], row["out_of_range"]) == (6, 2, 4)
