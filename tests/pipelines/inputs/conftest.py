"""How does a test read a file as the batch pipeline does?"""

from dataclasses import dataclass

import pytest

from pipelines.inputs import Unreadable, plan_chunks, read_blocks


@dataclass
class Reading:
    """All that was read: records, their positions, failures, the formats of the chunks."""

    records: list[bytes]
    positions: list[str]
    failures: list[Unreadable]
    formats: list[str]


@pytest.fixture(scope="session")
def read():
    """Read patterns whole: `read(path, ..., chunk_bytes=…, block_bytes=…)`."""

    def read_all(*patterns, chunk_bytes=32 << 20, block_bytes=8 << 20) -> Reading:
        chunks = plan_chunks([str(pattern) for pattern in patterns], None, chunk_bytes)
        blocks = [block for chunk in chunks for block in read_blocks(chunk, block_bytes)]
        assert all(block.records or block.failure for block in blocks)
        return Reading(
            [record for block in blocks for record in block.records],
            [block.position(i) for block in blocks for i in range(len(block.records))],
            [block.failure for block in blocks if block.failure],
            [chunk.format for chunk in chunks],
        )

    return read_all


@pytest.fixture
def read_bytes(read, tmp_path):
    """Read a file of these bytes."""

    def read_content(content: bytes, **options) -> Reading:
        path = tmp_path / "content.bin"
        path.write_bytes(content)
        return read(path, **options)

    return read_content
