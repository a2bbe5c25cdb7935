"""Are files in a bucket found and read through Beam as local ones are?"""

import gzip
import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystem import FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems

from pipelines.inputs import InputError, plan_chunks

BUCKET: dict[str, bytes] = {}


class BucketFileSystem(FileSystem):
    """A bucket in memory, `bucket://name/…`."""

    @classmethod
    def scheme(cls):
        return "bucket"

    def _list(self, prefix):
        for path, content in BUCKET.items():
            if path.startswith(prefix):
                yield FileMetadata(path, len(content))

    def has_dirs(self):
        return False

    def open(self, path, mime_type="", compression_type=None):
        if path not in BUCKET:
            raise FileNotFoundError(2, "No such object")
        return io.BytesIO(BUCKET[path])

    def exists(self, path):
        return path in BUCKET

    def metadata(self, path):
        return FileMetadata(path, len(BUCKET[path]))

    def _unused(self, *_):
        raise NotImplementedError

    join = split = mkdirs = create = copy = rename = _unused
    size = last_updated = checksum = delete = _unused


@pytest.fixture(autouse=True)
def bucket():
    table = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2]}), table)
    BUCKET.clear()
    BUCKET.update(
        {
            "bucket://b/raw/quiz/date=2025-11-15/a.jsonl": b'{"a":1}\n{"a":2}\n',
            "bucket://b/raw/quiz/date=2025-11-16/b.jsonl.gz": gzip.compress(b'{"b":1}\n'),
            "bucket://b/raw/c.parquet": table.getvalue(),
            "bucket://b/raw/_SUCCESS": b"",
            "bucket://b/raw/folder/": b"",
        }
    )


def names(*patterns, dates=None):
    return [chunk.path.rsplit("/", 1)[1] for chunk in plan_chunks(patterns, dates)]


def test_folders_globs_and_files_in_a_bucket():
    everything = ["c.parquet", "a.jsonl", "b.jsonl.gz"]
    for pattern in ("bucket://b/raw", "bucket://b/raw/", "bucket://b/raw/*", "bucket://b/raw/**"):
        assert names(pattern) == everything
    assert names("bucket://b/raw/**/*.jsonl") == ["a.jsonl"]
    assert names("bucket://b/raw/**/c.parquet") == ["c.parquet"]
    assert names("bucket://b/raw/c.parquet", "bucket://b/raw") == everything


def test_dates_prune_a_bucket():
    dates = (date(2025, 11, 16), date(2025, 11, 17))
    assert names("bucket://b/raw/quiz", dates=dates) == ["b.jsonl.gz"]


def test_nothing_in_the_bucket_is_a_clear_error():
    with pytest.raises(InputError, match="No file matches 'bucket://b/other'"):
        plan_chunks(["bucket://b/other"], None)


def test_every_format_is_read_from_a_bucket(read):
    reading = read("bucket://b/raw", chunk_bytes=8)
    assert reading.records == [b'{"n":1}', b'{"n":2}', b'{"a":1}', b'{"a":2}', b'{"b":1}']
    assert reading.positions == ["1", "2", "1", "2", "1"]
    assert FileSystems.get_scheme("bucket://b") == "bucket"
