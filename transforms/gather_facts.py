"""What do live alerts need of events? Per minute who did something when, and the video events."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import xxhash

from transforms.alert_options import MINUTE_MS
from transforms.live_moment import MAX_FUTURE_MS, live_moment

_STEPS = {
    "event_id": pl.String,
    "event_type": pl.String,
    "fingerprint": pl.UInt64,
    "video_id": pl.String,
    "position_ms": pl.Int64,
    "seek_from_ms": pl.Int64,
    "seek_to_ms": pl.Int64,
    "video_duration_ms": pl.Int64,
    "playback_rate": pl.Float64,
}
FACTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "student": pl.UInt64,
    "occurred_ms": pl.Int64,
    "ended_ms": pl.Int64,
    **_STEPS,
}
"""Columns of facts; those after `ended_ms` are null but for video events.

`student`: XXH3-64 of the student's hash, evenly spread over all numbers. `ended_ms`: end of the
activity, as `live_moment` has it.
"""

_NEEDED = ("student_hash", "occurred_ms", *_STEPS)


def needed(events: pl.DataFrame, max_future_ms: int = MAX_FUTURE_MS) -> pl.DataFrame:
    """The columns of canonical events that facts are made of. `max_future_ms`: of `live_moment`."""
    return events.select(*_NEEDED, live_moment(max_future_ms).alias("ended_ms"))


def no_facts() -> pl.DataFrame:
    """Facts of a minute in which nothing happened."""
    return pl.DataFrame(schema=FACTS)


def gather_facts(events: Sequence[pl.DataFrame]) -> Iterator[tuple[int, pl.DataFrame]]:
    """(end of the minute in epoch ms, its facts) of frames that `needed` gave, in any order.

    An event is a fact of the minute in which its activity ended: the end itself is the next minute.
    """
    if not events:
        return
    facts = _facts(pl.concat(events))
    minute = pl.col("ended_ms") // MINUTE_MS
    parts = facts.with_columns(minute.alias("minute")).partition_by(
        "minute", as_dict=True, include_key=False
    )
    for (number,), part in parts.items():
        yield (int(number) + 1) * MINUTE_MS, part


def _facts(events: pl.DataFrame) -> pl.DataFrame:
    """One row per event; what it was is told of video events alone."""
    is_video = pl.col("event_type").str.starts_with("video_") & pl.col("video_id").is_not_null()
    return events.select(
        _numbers(events["student_hash"]),
        "occurred_ms",
        "ended_ms",
        *(pl.when(is_video).then(pl.col(name)).alias(name) for name in _STEPS),
    )


def _numbers(hashes: pl.Series) -> pl.Series:
    digest = xxhash.xxh3_64_intdigest
    encoded = hashes.cast(pl.Binary).to_list()
    return pl.Series("student", np.fromiter(map(digest, encoded), np.uint64, len(encoded)))
