"""Small changes of tables as a stream makes them, and a model of what they leave behind."""

import datetime
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.outputs.commit_stream import StreamCommits, StreamFacts
from pipelines.outputs.describe_run import Run
from pipelines.outputs.find_keys import stored_schema
from pipelines.outputs.lake import Lake
from pipelines.outputs.register_stream import register_stream
from pipelines.readers.snapshot import open_snapshot
from schemas import tables
from transforms.derive import DeriveOptions
from transforms.retain import Retention

DAY = datetime.date(2026, 3, 1)
STARTED_AT = datetime.datetime(2026, 3, 1, 8, tzinfo=datetime.UTC)
RETENTION = Retention(1_800_000, 86_400_000, 86_400_000)


def stream_run(run_id: str = "", inputs: str = '["kafka:clicks"]') -> Run:
    """A run of a stream."""
    return Run(
        run_id=run_id or f"20260301T080000-{uuid.uuid4().hex[:8]}",
        mode="streaming",
        started_at=STARTED_AT,
        code_version="test",
        options="{}",
        inputs=inputs,
    )


def commits(
    warehouse: Path | str, run: Run | None = None, known: DeriveOptions | None = None
) -> StreamCommits:
    """A registered stream that is ready to commit."""
    lake, run = Lake(str(warehouse)), run or stream_run()
    register_stream(lake, run, DAY)
    return StreamCommits(lake, run, known or DeriveOptions(), RETENTION.owned_from)


def facts(records: int = 1, watermark_ms: int | None = None) -> StreamFacts:
    """Counts of a stream that has read so many records, all of them events."""
    return StreamFacts(Counter({"records_read": records, "events": records}), watermark_ms)


def changes(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Changes of a table; what a row does not say is null, not deleted and of revision 1."""
    schema = {**stored_schema(tables.get(name)), "is_deleted": pl.Boolean(), "revision": pl.Int64()}
    usual = {
        "is_deleted": False, "revision": 1, "processed_at": STARTED_AT, "schema_version": 1,
    }  # fmt: skip
    return pl.DataFrame([usual | row for row in rows], schema=schema)


def event(event_id: str, minute: int = 0, date: datetime.date = DAY, **more: Any) -> dict[str, Any]:
    """A row of `events`."""
    at = datetime.datetime.combine(date, datetime.time(10), datetime.UTC)
    named = {"student_hash": "s", "event_id": event_id, "event_date": date}
    return named | {"occurred_at": at + datetime.timedelta(minutes=minute)} | more


def chapter(course: str | None, chapter_id: str, visits: int, **more: Any) -> dict[str, Any]:
    """A row of `chapter_engagement`."""
    of_day = {"date": DAY, "course_id": course, "chapter_id": chapter_id, "visits_count": visits}
    return of_day | more


def seen(warehouse: Path | str, full_name: str) -> list[dict[str, Any]]:
    """What readers see."""
    return open_snapshot(warehouse).polars(full_name).to_dicts()


def event_ids(warehouse: Path | str) -> list[str]:
    """Ids of the events that readers see, sorted."""
    return sorted(row["event_id"] for row in seen(warehouse, "silver.events"))
