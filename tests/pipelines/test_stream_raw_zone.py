"""Does the raw zone hold each record exactly once, where the batch finds it?"""

import datetime
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream
from hypothesis import given
from hypothesis import strategies as st

from pipelines.outputs.raw_files import (
    Place,
    file_of,
    folder_name,
    gather,
    pack,
)
from pipelines.outputs.raw_zone import KeepRaw, UnwritableRawZoneError, _Pack, _Write
from tests.pipelines.whole_runs import completed, page_view, read

RECEIVED = datetime.datetime(2026, 3, 1, 10, 59, tzinfo=datetime.UTC)


def _line(offset: int, partition: int = 0, topic: str = "clicks", **more: Any) -> bytes:
    """An envelope; a record is received every second."""
    at = RECEIVED + datetime.timedelta(seconds=offset)
    envelope = {
        "received_at": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "record": json.dumps({"n": offset}),
    }
    return json.dumps(envelope | more).encode()


def _message(n: int, record: str) -> bytes:
    """An envelope of Pub/Sub."""
    envelope = json.loads(_line(n, topic="projects/p/subscriptions/s", record=record))
    del envelope["partition"], envelope["offset"]
    return json.dumps(envelope | {"message_id": f"m{n}"}).encode()


def _kept(raw: Path) -> dict[str, list[bytes]]:
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    return {
        path.relative_to(raw).as_posix(): gzip.decompress(path.read_bytes()).splitlines()
        for path in files
    }


def _keep(raw: Path, lines: Sequence[bytes], runner: Callable = FnApiRunner, **more: Any) -> None:
    with beam.Pipeline(runner=runner()) as pipeline:
        elements = [(line, 0) for line in lines]
        _ = pipeline | beam.Create(elements, reshuffle=False) | KeepRaw(str(raw), **more)


@pytest.mark.parametrize("runner", [FnApiRunner, BundleBasedDirectRunner])
def test_every_record_is_kept_once_by_topic_date_and_hour(tmp_path: Path, runner: Callable) -> None:
    lines = [_line(n, partition) for n in range(120) for partition in (0, 1)]
    _keep(tmp_path, lines, runner)
    kept = _kept(tmp_path)
    assert sorted(line for found in kept.values() for line in found) == sorted(lines)
    assert {name.rpartition("/")[0] for name in kept} == {
        "clicks/date=2026-03-01/hour=10",
        "clicks/date=2026-03-01/hour=11",
    }


def test_name_says_partition_and_first_offset(tmp_path: Path) -> None:
    _keep(tmp_path, [_line(7, 3), _line(8, 3)], BundleBasedDirectRunner)
    (name,) = _kept(tmp_path)
    assert name.endswith("/3-00000000000000000007.jsonl.gz")


def test_file_is_closed_when_it_is_full(tmp_path: Path) -> None:
    stream = test_stream.TestStream()
    for n in range(6):
        stream.add_elements([(_line(n), 0)])
    stream.advance_watermark_to_infinity()
    _stream(tmp_path, stream, file_bytes=250)
    kept = list(_kept(tmp_path).values())
    assert len(kept) > 1
    assert [line for found in kept for line in found] == [_line(n) for n in range(6)]


def test_file_is_closed_after_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.outputs.raw_zone.time.time", lambda: 0.0)
    stream = (
        test_stream.TestStream()
        .add_elements([(_line(0), 0)])
        .add_elements([(_line(1), 0)])
        .advance_processing_time(301)
        .add_elements([(_line(2), 0)])
        .advance_watermark_to_infinity()
    )
    _stream(tmp_path, stream)
    assert list(_kept(tmp_path).values()) == [[_line(0), _line(1)], [_line(2)]]


def _stream(raw: Path, stream: test_stream.TestStream, **more: Any) -> None:
    options = PipelineOptions()
    options.view_as(StandardOptions).streaming = True
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        _ = pipeline | stream | KeepRaw(str(raw), **more)


def test_file_written_again_is_the_same_file(tmp_path: Path) -> None:
    member = pack(next(iter(gather([_line(0)]))), "0", [_line(0), _line(1)])
    for _ in range(2):
        list(_Write(str(tmp_path)).process((b"", ("k", file_of([member])[1]))))
    assert list(_kept(tmp_path).values()) == [[_line(0), _line(1)]]


def test_members_of_several_bundles_are_in_the_order_of_their_offsets() -> None:
    place = next(iter(gather([_line(0)])))
    members = [pack(place, str(n), [_line(n)]) for n in (10, 9, 11)]
    name, content = file_of(members)
    assert name.endswith("/0-00000000000000000009.jsonl.gz")
    assert gzip.decompress(content).splitlines() == [_line(n) for n in (9, 10, 11)]


def test_messages_without_offsets_never_share_a_name_unless_they_are_the_same() -> None:
    place = Place("t", None, "2026-03-01", "10")
    first, other = (pack(place, "m1", [b"a", line]) for line in (b"b", b"c"))
    assert file_of([first])[0] == file_of([first])[0] != file_of([other])[0]


@given(st.text(min_size=1))
def test_any_topic_is_one_folder_of_its_own(topic: str) -> None:
    name = folder_name(topic.encode("utf-8", "ignore").decode())
    assert "/" not in name
    assert not name.startswith(".")
    assert unquote(name) == topic.encode("utf-8", "ignore").decode()


def test_lines_of_a_large_bundle_are_packed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.outputs.raw_zone._PACKED_BYTES", 1000)
    packer = _Pack()
    packer.start_bundle()
    early = [member for n in range(20) for _, member in packer.process((_line(n), 0))]
    late = [value.value[1] for value in packer.finish_bundle()]
    assert early
    text = b"".join(gzip.decompress(member.content) for member in (*early, *late))
    assert text.splitlines() == [_line(n) for n in range(20)]


def test_raw_zone_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableRawZoneError, match="cannot write to"):
        list(_Write(str(tmp_path / "file")).process((b"", ("a/b.jsonl.gz", b"x"))))


@pytest.mark.usefixtures("pseudonym_key")
def test_batch_reads_all_that_was_kept(tmp_path: Path) -> None:
    records = [json.dumps(page_view(n)) for n in range(30)]
    lines = [_line(n, n % 2, record=text) for n, text in enumerate(records[:20])]
    lines += [_message(n, text) for n, text in enumerate(records[20:], 20)]
    lines.append(_line(99, record="{broken"))
    _keep(tmp_path / "raw", lines, file_bytes=500)
    row = completed(tmp_path / "w", tmp_path / "raw", max_age_days=0, max_future_seconds=1e9)
    assert (row["records_read"], row["dead_letters"]) == (31, 1)
    (letter,) = read(tmp_path / "w", "ops.dead_letters")
    assert (letter["source"], letter["position"]) == ("clicks", "0:99")
