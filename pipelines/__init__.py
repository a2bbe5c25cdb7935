"""How it runs: options, inputs, outputs, the graph, and the programs a person starts."""

import logging

VERSION = "0.1.0"


def _is_worth_showing(record: logging.LogRecord) -> bool:
    """False for what Beam says when it is imported without its BigQuery client, which is usual."""
    return not str(record.msg).startswith("apitools not found")


# Beam logs this on import, before any program can choose its logging.
logging.getLogger().addFilter(_is_worth_showing)
