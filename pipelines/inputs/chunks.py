"""How is the input cut into chunks?"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise

from pipelines.inputs.blocks import MIB, Chunk, pieces_between
from pipelines.inputs.files import find_files
from pipelines.inputs.layout import is_document
from pipelines.inputs.opening import is_local, open_binary
from pipelines.inputs.parquet import plan_row_groups

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"PAR1", "parquet"), (b"Obj\x01", "avro"))
_LOOK_BYTES = 64 << 10
_REMOTE_THREADS = 16


def plan_chunks(
    patterns: Sequence[str], dates: tuple[date, date] | None, chunk_bytes: int = 32 * MIB
) -> list[Chunk]:
    """Chunks of all files that the patterns mean, sorted by path and place; empty files have none.

    `dates`: first and last dated folder to read, inclusive, or None for all; when every file lies
    outside the list is empty. Only plain JSON Lines and Parquet are cut, to about `chunk_bytes`.
    Raises InputError for a pattern without files and for files that cannot be opened.
    """
    sizes = {path: size for path, size in find_files(patterns, dates).items() if size}
    plans = _map_files(lambda path: _plan_file(path, sizes[path], chunk_bytes), sizes)
    return [chunk for plan in plans for chunk in plan]


def format_of(path: str, size_bytes: int) -> str:
    """lines, document, gzip, parquet or avro, by the content. Raises InputError."""
    with open_binary(path) as file:
        head = file.read(4)
        found = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
        if found:
            return found
        pieces = pieces_between(file, 0, size_bytes, _LOOK_BYTES)
        return "document" if is_document(pieces) else "lines"


def _plan_file(path: str, size_bytes: int, chunk_bytes: int) -> list[Chunk]:
    found = format_of(path, size_bytes)
    if found == "parquet":
        return plan_row_groups(path, size_bytes, chunk_bytes)
    parts = -(-size_bytes // max(1, chunk_bytes)) if found == "lines" else 1
    edges = [size_bytes * part // parts for part in range(parts + 1)]
    return [Chunk(path, found, *edge, edge[1] - edge[0]) for edge in pairwise(edges)]


def _map_files(plan, paths: Iterable[str]) -> Iterator[list[Chunk]]:
    """Plans in the order of the paths; a bucket answers slowly, so several at once."""
    paths = list(paths)
    if all(map(is_local, paths)):
        return map(plan, paths)
    with ThreadPoolExecutor(_REMOTE_THREADS) as pool:
        return pool.map(plan, paths)
