"""Does an inbox hand on every record of every file once, whatever happens in between?"""

import gzip
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.inputs import InputError
from pipelines.inputs.streams import WatermarkOptions
from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.inputs.streams.inbox import InboxStream
from pipelines.inputs.streams.watermarks import NO_WATERMARK_MS
from tests.pipelines.inputs.read_streams import Stream

MS = 1_763_287_200_123
SETTINGS = WatermarkOptions(60, 300, None)


def put(folder: Path, name: str, *records: object) -> None:
    """A file that appears at once; gzip if its name says so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{record}\n" for record in records).encode()
    part = path.with_name(f".{path.name}.tmp")
    part.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    part.rename(path)


def inbox(folder: Path, hold_seconds: float = 100.0, **options) -> InboxStream:
    options = {"watermark": SETTINGS} | options
    return InboxStream(str(folder), checkpoint_interval_seconds=hold_seconds / 2, **options)


def test_records_are_those_of_all_files_with_topic_place_and_receipt(tmp_path: Path) -> None:
    put(tmp_path, "plain.jsonl", '{"a":1}', "", '{"b":2}')
    put(tmp_path, "quiz/date=2025-11-16/hour=10/x.jsonl.gz", '{"c":3}')
    put(tmp_path, "deep/video/date=2025-11-16/x.jsonl", "no json")
    put(tmp_path, "aside/other.jsonl", "1")
    os.utime(tmp_path / "plain.jsonl", ns=(MS * 1_000_000, MS * 1_000_000))
    with Stream(inbox(tmp_path, topic="clicks")) as found:
        found.read(5)
        assert not found.step()
    lines = {(line["topic"], line["message_id"]): line for line in found.lines}
    assert {place: line["record"] for place, line in lines.items()} == {
        ("clicks", "plain.jsonl:1"): '{"a":1}',
        ("clicks", "plain.jsonl:3"): '{"b":2}',
        ("quiz", "quiz/date=2025-11-16/hour=10/x.jsonl.gz:1"): '{"c":3}',
        ("video", "deep/video/date=2025-11-16/x.jsonl:1"): "no json",
        ("clicks", "aside/other.jsonl:1"): "1",
    }
    assert lines["clicks", "plain.jsonl:1"]["received_at"] == "2025-11-16T10:00:00.123Z"


def test_lines_of_a_raw_zone_are_passed_on_as_they_are(tmp_path: Path) -> None:
    line = wrap_record(MS, "quiz", b'{"timestamp":%d}' % (MS - 5000), 3, 17).decode()
    put(tmp_path, "quiz/date=2025-11-16/x.jsonl", line)
    with Stream(inbox(tmp_path)) as found:
        found.read(1)
        assert found.lines == [json.loads(line)]
        assert found.times == [MS - 5000]
        assert found.watermark_ms == MS - 65_000


def test_half_written_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "good.jsonl", "1")
    for name in (".hidden.jsonl", "half.jsonl.tmp", "notes.txt", ".folder/x.jsonl"):
        put(tmp_path, name, "no")
    with Stream(inbox(tmp_path)) as found:
        found.read(1)
        found.read_until_quiet()
    assert found.records == ["1"]


def test_what_cannot_be_unpacked_is_seen_and_ends_the_file_only(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl.gz", *range(1000))
    whole = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    put(tmp_path, "b.jsonl", "after")
    with Stream(inbox(tmp_path)) as found:
        found.read_until_quiet()
    assert found.records[-1] == "after"
    assert found.records[:100] == [str(n) for n in range(100)]
    assert found.lines[-2]["message_id"].endswith("+")


def test_a_file_that_appears_is_read_soon(tmp_path: Path) -> None:
    with Stream(inbox(tmp_path)) as found:
        assert not found.step()
        put(tmp_path, "x.jsonl", "1")
        begun = time.monotonic()
        found.read(1)
        assert time.monotonic() - begun < 0.3


def test_finished_files_move_away_when_a_checkpoint_must_hold_them(tmp_path: Path) -> None:
    put(tmp_path, "quiz/date=2025-11-16/x.jsonl", "1")
    with Stream(inbox(tmp_path, hold_seconds=0.3)) as found:
        mark = found.read_until_quiet().cut()
        assert (tmp_path / "quiz/date=2025-11-16/x.jsonl").exists() == bool(mark.finished)
        found.wait_for(lambda: not found.cut().finished)
        put(tmp_path, "quiz/date=2025-11-16/y.jsonl", "2")
        found.read(2)
    moved = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("x.jsonl")]
    assert moved == ["done/000000000001/quiz/date=2025-11-16/x.jsonl"]
    # Without a checkpoint only what was not moved comes again.
    with Stream(inbox(tmp_path)) as again:
        assert again.read_until_quiet().records == ["2"]


def test_the_watermark_waits_for_the_slower_topic_and_then_follows_the_clock(
    tmp_path: Path,
) -> None:
    now = time.time_ns() // 1_000_000
    put(tmp_path, "a/date=2025-11-16/1.jsonl", json.dumps({"timestamp": now}))
    put(tmp_path, "b/date=2025-11-16/1.jsonl", json.dumps({"timestamp": now - 9000}))
    with Stream(inbox(tmp_path, watermark=WatermarkOptions(60, 300, 1))) as found:
        found.read(2)
        assert found.watermarks == [NO_WATERMARK_MS, now - 69_000]
        found.wait_for(lambda: found.watermark_ms > now - 60_000)


FILES = st.lists(st.tuples(st.sampled_from(["", "t/date=1/"]), st.integers(0, 4)), max_size=6)
ACTS = st.lists(st.one_of(st.integers(1, 6), st.just("crash"), st.just("return")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(FILES, ACTS)
def test_crashes_anywhere_lose_and_repeat_nothing(tmp_path_factory, files, acts) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    expected = [f"{n}-{i}" for n, (_, count) in enumerate(files) for i in range(count)]
    for number, (place, count) in enumerate(files):
        put(folder, f"{place}{number}.jsonl", *(f"{number}-{i}" for i in range(count)))
    source = inbox(folder, hold_seconds=0.0)
    kept: list[tuple[object, list[str]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.inputs.streams.inbox_reader._LONG_POLL_SECONDS", 0.0)
        patch.setattr("pipelines.inputs.streams.inbox_reader._SHORT_POLL_SECONDS", 0.0)
        stream, before = Stream(source), []
        for act in [*acts, 100]:
            if isinstance(act, int):
                for _ in range(act):
                    stream.step()
                kept.append((stream.cut(), before + stream.records))
            elif kept:
                # Back to the latest checkpoint, or to the one before it.
                kept = kept[:-1] if act == "return" and len(kept) > 1 else kept
                mark, before = kept[-1]
                stream.step()
                stream = Stream(source, mark)
    assert sorted(before + stream.records) == sorted(expected)


def test_a_check_tells_that_the_folder_is_missing(tmp_path: Path) -> None:
    inbox(tmp_path).check()
    with pytest.raises(InputError, match="no folder"):
        inbox(tmp_path / "none").check()
