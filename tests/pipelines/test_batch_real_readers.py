"""Do real readers come out as was worked out for them independently?"""

from pathlib import Path

import polars as pl
import pytest

from pipelines.readers.snapshot import open_snapshot
from tests.needs import need
from tests.pipelines.whole_runs import completed

EVENTS = Path(__file__).parents[3].joinpath("shared/data/wikipedia-readers/events.jsonl.gz")


@pytest.mark.slow
@pytest.mark.usefixtures("pseudonym_key")
def test_sessions_of_ten_thousand_readers_of_wikipedia_have_their_known_sum(tmp_path: Path) -> None:
    need(EVENTS.exists(), "shared/data/wikipedia-readers is not beside the checkout")
    row = completed(tmp_path, EVENTS)
    sessions = open_snapshot(tmp_path).polars("silver.sessions")
    assert (row["records_read"], row["events"], row["duplicates"]) == (63_524, 63_517, 7)
    assert sessions.height == row["sessions"] == 22_224
    assert sessions["student_hash"].n_unique() == 10_000
    assert sessions["session_duration_seconds"].sum() == 6_053_477
    daily = open_snapshot(tmp_path).polars("gold.platform_daily")
    assert daily.select(pl.col("events_count", "sessions_count").sum()).row(0) == (63_517, 22_224)
