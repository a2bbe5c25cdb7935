"""How many threads does Polars take in a long-running process? One, if this is imported first.

A stream makes hundreds of small frames a second, and waking a second thread for each costs more
than it helps: a fifth of the CPU of deriving and parsing (benchmarks/RESULTS.md). Who sets
POLARS_MAX_THREADS is heard.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")
