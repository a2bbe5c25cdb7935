"""Which records do the rows of a Parquet file hold?"""

from collections.abc import Generator, Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.inputs.blocks import Block, Chunk, Unreadable
from pipelines.inputs.opening import is_local, open_binary
from pipelines.inputs.rows import json_rows

# What corrupt data makes Arrow raise.
_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)
_MAX_BATCH_ROWS = 65_536
_SHOWN_FAULTS = 5


def plan_row_groups(path: str, size_bytes: int, chunk_bytes: int) -> list[Chunk]:
    """Chunks of whole row groups of about `chunk_bytes`; [0, 0) when the footer cannot be read."""
    try:
        with _open(path) as file:
            groups = file.metadata.num_row_groups
            sizes = [_compressed_bytes(file.metadata.row_group(group)) for group in range(groups)]
    except _FAULTS as error:
        _reason(error)
        return [Chunk(path, "parquet", 0, 0, size_bytes)]
    edges, filled = [0], 0
    for group, size in enumerate(sizes):
        if filled and filled + size > chunk_bytes:
            edges.append(group)
            filled = 0
        filled += size
    edges.append(groups)
    return [
        Chunk(path, "parquet", start, end, sum(sizes[start:end]))
        for start, end in pairwise(edges)
        if start < end
    ]


def parquet_blocks(chunk: Chunk, block_bytes: int) -> Iterator[Block]:
    """Blocks of the rows of the chunk's row groups, then the file's `Unreadable`, if any.

    A row group that cannot be read costs its own rows only. Of all chunks of a file the one with
    the first broken row group has the failure, which names the others too.
    """
    try:
        file = _open(chunk.path)
    except _FAULTS as error:
        message = f"parquet: the footer cannot be read ({_reason(error)})"
        yield Block(chunk.path, [], failure=Unreadable(message, b"", "0"))
        return
    with file:
        broken = None
        for group in range(chunk.start, chunk.end):
            fault = yield from _group_blocks(chunk.path, file, group, block_bytes)
            broken = broken or fault
        if broken and (failure := _failure(file, chunk, broken, block_bytes)):
            yield Block(chunk.path, [], failure=failure)


def _open(path: str) -> pq.ParquetFile:
    file = open_binary(path)
    source = pa.OSFile(path) if is_local(path) else file  # Arrow's own file is faster
    return pq.ParquetFile(source, page_checksum_verification=True)


def _group_blocks(
    path: str, file: pq.ParquetFile, group: int, block_bytes: int
) -> Generator[Block, None, tuple[int, int, str] | None]:
    """Blocks of a row group; returns (group, last good row, reason) when it is broken."""
    first = 1 + sum(file.metadata.row_group(before).num_rows for before in range(group))
    try:
        for batch in _batches(file, group, block_bytes):
            yield Block(path, json_rows(batch), first)
            first += batch.num_rows
    except _FAULTS as error:
        return group, first - 1, _reason(error)
    return None


def _batches(file: pq.ParquetFile, group: int, block_bytes: int) -> Iterator[pa.RecordBatch]:
    about = file.metadata.row_group(group)
    row_bytes = about.total_byte_size / max(1, about.num_rows)
    rows = int(block_bytes / max(1.0, row_bytes))
    rows = max(1, min(rows, _MAX_BATCH_ROWS))
    return file.iter_batches(rows, row_groups=[group], use_threads=False)


def _failure(
    file: pq.ParquetFile, chunk: Chunk, broken: tuple[int, int, str], block_bytes: int
) -> Unreadable | None:
    """The failure of the file, unless another chunk has an earlier broken row group."""
    group, last_row, reason = broken
    if any(_is_broken(file, before, block_bytes) for before in range(chunk.start)):
        return None
    later = range(group + 1, file.metadata.num_row_groups)
    others = [str(after + 1) for after in later if _is_broken(file, after, block_bytes)]
    more = f", nor row groups {', '.join(others[:_SHOWN_FAULTS])}" if others else ""
    if len(others) > _SHOWN_FAULTS:
        more += f" and {len(others) - _SHOWN_FAULTS} more"
    rows = file.metadata.row_group(group).num_rows
    message = f"parquet: row group {group + 1} of {rows} rows cannot be read ({reason}){more}"
    return Unreadable(message, b"", str(last_row))


def _is_broken(file: pq.ParquetFile, group: int, block_bytes: int) -> bool:
    try:
        for _ in _batches(file, group, block_bytes):
            pass
    except _FAULTS as error:
        _reason(error)
        return True
    return False


def _compressed_bytes(group: pq.RowGroupMetaData) -> int:
    return sum(group.column(index).total_compressed_size for index in range(group.num_columns))


def _reason(error: Exception) -> str:
    """What Arrow says about damaged data; raises the error again if reading itself failed."""
    if isinstance(error, OSError) and (type(error) is not OSError or error.errno):
        raise error  # of the disk or the network: the work is to be tried again
    return (str(error) or type(error).__name__).split("\n")[0]
