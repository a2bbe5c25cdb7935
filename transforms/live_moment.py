"""At which moment does an event count in live figures and alerts?"""

import polars as pl

MAX_FUTURE_MS = 300_000


def live_moment(max_future_ms: int = MAX_FUTURE_MS) -> pl.Expr:
    """Epoch ms of canonical events: the end, or the start of what has none.

    An interval may end up to a day after it was received. What was not yet so when it was received
    is no activity of now: it counts at most `max_future_ms` after its receipt, but not before its
    start. Where the receipt is unknown, and with 0, it counts at its end.
    """
    end = pl.coalesce("ended_ms", "occurred_ms")
    if not max_future_ms:
        return end
    # The least and the greatest of what is known.
    reached = pl.min_horizontal(end, pl.col("received_ms") + max_future_ms)
    return pl.max_horizontal(reached, "occurred_ms")
