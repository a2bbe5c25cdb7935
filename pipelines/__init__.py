"""How it runs: options, inputs, outputs, the graph, and the programs a person starts."""

import logging
import os

VERSION = "0.1.0"

# Polars' allocator reads this when it is loaded, which is after this package. Without it a stream
# kept what it had freed: memory goes back half a second later, by a thread of the allocator's own.
_ALLOCATOR = "background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0"
os.environ.setdefault("_RJEM_MALLOC_CONF", _ALLOCATOR)


def _is_worth_showing(record: logging.LogRecord) -> bool:
    """False for what Beam says when it is imported without its BigQuery client, which is usual."""
    return not str(record.msg).startswith("apitools not found")


# Beam logs this on import, before any program can choose its logging.
logging.getLogger().addFilter(_is_worth_showing)
