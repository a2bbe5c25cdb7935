"""Do readers see exactly what the newest completed run left?"""

import datetime
import shutil
from pathlib import Path

import pytest
import small_lake
from deltalake import DeltaTable

from pipelines.readers import snapshot
from pipelines.readers.snapshot import WarehouseError, open_snapshot


@pytest.fixture
def lake(small_school: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_school, tmp_path / "lake")


def test_reader_sees_the_versions_of_the_newest_completed_run(lake: Path) -> None:
    before = open_snapshot(lake).polars("gold.platform_daily")
    small_lake.append(lake, "platform_daily", before.head(3).to_dicts())
    assert open_snapshot(lake).polars("gold.platform_daily").height == before.height
    latest = DeltaTable(f"{lake}/gold/platform_daily").version()
    small_lake.complete_run(lake, {"gold.platform_daily": latest}, "run-2", hour=5)
    assert open_snapshot(lake).polars("gold.platform_daily").height == before.height + 3


def test_newest_is_by_finish_then_by_run_id(lake: Path) -> None:
    small_lake.complete_run(lake, {"gold.platform_daily": 0}, "run-0", hour=4)
    assert open_snapshot(lake).version("gold.platform_daily") == 1
    small_lake.complete_run(lake, {"gold.platform_daily": 0}, "run-9", hour=4)
    assert open_snapshot(lake).version("gold.platform_daily") == 0


def test_failed_run_is_not_seen(lake: Path) -> None:
    row = DeltaTable(f"{lake}/ops/pipeline_runs").to_pyarrow_table().to_pylist()[0]
    late = small_lake.PROCESSED_AT.replace(hour=23)
    failed = row | {"status": "failed", "finished_at": late, "table_versions": "{}"}
    small_lake.append(lake, "pipeline_runs", [failed])
    assert open_snapshot(lake).version("gold.platform_daily") == 1


def test_table_that_the_run_does_not_name_is_empty(lake: Path) -> None:
    small_lake.append(lake, "dim_courses", [{"course_id": "algebra", "chapters_count": 3}])
    small_lake.complete_run(lake, {"gold.platform_daily": 1}, "run-2", hour=5)
    seen = open_snapshot(lake)
    assert seen.version("gold.dim_courses") == 0
    assert seen.polars("gold.dim_courses").is_empty()
    assert seen.polars("ops.pipeline_runs").height == 2


def test_snapshot_does_not_move_while_it_is_open(lake: Path) -> None:
    seen = open_snapshot(lake)
    small_lake.complete_run(lake, {"gold.platform_daily": 0}, "run-2", hour=5)
    assert seen.polars("gold.platform_daily").height == 14
    assert seen.polars("ops.pipeline_runs").height == 1


def test_dates_choose_partitions(lake: Path) -> None:
    seen = open_snapshot(lake)
    days = [small_lake.DAYS[0], small_lake.DAYS[3], datetime.date(1999, 1, 1)]
    assert seen.polars("gold.platform_daily", days)["date"].sort().to_list() == days[:2]
    assert seen.polars("gold.platform_daily", []).is_empty()
    with pytest.raises(WarehouseError, match="has no dates"):
        seen.polars("gold.dim_courses", days)


def test_sql_reads_the_same_rows_and_counts_attempts(lake: Path) -> None:
    connection = open_snapshot(lake).connect()
    total = "SELECT COUNT(*), SUM(active_students) FROM gold.platform_daily"
    assert connection.execute(total).fetchall() == [(14, 194)]
    numbers = (
        "SELECT student_hash, event_id, attempt_number FROM silver.question_attempts "
        "WHERE quiz_id IS NOT NULL ORDER BY ALL"
    )
    rows = connection.execute(numbers).fetchall()
    # e7 and e8: the earlier attempt is number 1; equal keys of another student start again.
    assert rows == [("s1", "e7", 2), ("s1", "e8", 1), ("s2", "e6", 1)]


def test_video_events_come_out_of_the_metadata(lake: Path) -> None:
    metadata = [
        '{"buffer_health":4,"current_time":61.5,"playback_rate":1.25,"video_duration":300,'
        '"video_quality":"720p"}',
        '{"current_time":"soon","playback_rate":-1,"to":20}',
        None,
    ]
    event = {"student_hash": "s1", "session_id": "x", "event_date": small_lake.DAYS[0]}
    types = ["video_play", "video_seek", "video_pause"]
    rows = [
        event | {"event_id": f"e{n}", "event_type": kind, "metadata": text}
        for n, (kind, text) in enumerate(zip(types, metadata, strict=True))
    ]
    other = event | {"event_id": "e9", "event_type": "videos", "metadata": metadata[0]}
    version = small_lake.append(lake, "events", [*rows, other])
    small_lake.complete_run(lake, {"silver.events": version}, "run-2", hour=5)
    sql = (
        "SELECT event_id, position_seconds, video_duration_seconds, playback_rate, video_quality, "
        "buffer_health_seconds FROM silver.video_events ORDER BY event_id"
    )
    assert open_snapshot(lake).connect(sql).execute(sql).fetchall() == [
        ("e0", 61.5, 300.0, 1.25, "720p", 4.0),
        ("e1", 20.0, None, None, None, None),
        ("e2", None, None, None, None, None),
    ]


def test_connection_opens_only_the_tables_that_the_text_names(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    load = snapshot.load_table

    def counting(warehouse: str, name: str, *rest: object) -> DeltaTable:
        opened.append(name)
        return load(warehouse, name, *rest)

    monkeypatch.setattr(snapshot, "load_table", counting)
    seen = open_snapshot(lake)
    opened.clear()
    seen.connect('SELECT * FROM gold."platform_daily"')
    assert opened == ["gold.platform_daily"]


def test_sessions_are_shown_in_utc(lake: Path) -> None:
    connection = open_snapshot(lake).connect()
    zone = connection.execute("SELECT current_setting('TimeZone')").fetchone()
    assert zone == ("UTC",)


def test_table_newer_than_the_warehouse_is_empty(tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs"])
    seen = open_snapshot(tmp_path)
    assert seen.connect().execute("SELECT COUNT(*) FROM gold.alerts").fetchall() == [(0,)]
    with pytest.raises(WarehouseError, match=r"no table gold\.alerts"):
        seen.table("gold.alerts")


def test_missing_warehouse_and_unknown_table_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no warehouse at .*pipelines\.batch") as caught:
        open_snapshot(tmp_path / "none")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "none").exists()
    small_lake.make(tmp_path, ["pipeline_runs"])
    with pytest.raises(WarehouseError, match=r"there is no table gold\.nothing"):
        open_snapshot(tmp_path).version("gold.nothing")


def test_broken_table_versions_are_reported(tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs"])
    small_lake.complete_run(tmp_path, [], "run-1")  # type: ignore[arg-type]
    with pytest.raises(WarehouseError, match="run-1 names no table_versions"):
        open_snapshot(tmp_path)


def test_storage_options_come_from_the_environment() -> None:
    environment = {"AWS_REGION": "eu", "GOOGLE_SERVICE_ACCOUNT": "f", "HOME": "h"}
    assert snapshot.environment_options("s3://b/w", environment) == {"AWS_REGION": "eu"}
    assert snapshot.environment_options("gs://b/w", environment) == {"GOOGLE_SERVICE_ACCOUNT": "f"}
    assert snapshot.environment_options("data/lake", environment) is None
