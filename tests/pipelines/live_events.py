"""Which events do tests of the live store use? Canonical frames made of a few words."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from schemas.canonical import COLUMNS

NOW = 1_772_361_300_000
"""2026-03-01 10:35:00 UTC."""
MINUTE = 60_000


def event(student: str, event_id: str, at: int, **fields: Any) -> dict[str, Any]:
    """An event at epoch ms `at`, received when it ended; `fields`: canonical columns."""
    received = (fields.get("ended_ms") or at) + 500
    known = {"event_type": "page_view", "ended_ms": None, "received_ms": received}
    plain = {"student_hash": student, "event_id": event_id, "occurred_ms": at}
    return dict.fromkeys(COLUMNS) | known | plain | fields


def frame(events: Iterable[dict[str, Any]], watermark_ms: int | None = None) -> pl.DataFrame:
    """Events as the pipeline hands them on."""
    rows = pl.DataFrame(list(events), schema=COLUMNS)
    return rows.with_columns(watermark_ms=pl.lit(watermark_ms, pl.Int64))
