"""How does a process that runs for months stay small? What it has freed goes back to the system.

glibc keeps freed memory, in a pool (arena) per few threads, and Beam's workers have many threads:
2 million events left hundreds of MiB there. Other C libraries have no such pools. What Arrow
allocates comes from glibc too; for Polars see `pipelines/__init__.py`.
"""

import contextlib
import ctypes
import threading
import time

import pyarrow as pa

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3)."""
_ARENAS = 2
_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of mallopt(3)."""
_LARGE_BYTES = 256 << 10
"""What is larger has pages of its own, which go back when it is freed. Without a word glibc takes
up to 32 MiB from the pools: holes in them stay, as something small lives beside each."""
_EVERY_SECONDS = 30


def spare_memory() -> None:
    """Keep few pools, of small things, from now on, and give back what is free twice a minute.

    To be called first in a process: pools that are there stay.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_ARENA_MAX, _ARENAS)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        threading.Thread(target=_give_back, args=(libc,), daemon=True).start()


def _give_back(libc: ctypes.CDLL) -> None:
    while True:
        time.sleep(_EVERY_SECONDS)
        libc.malloc_trim(0)
