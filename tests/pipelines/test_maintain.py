"""Does maintenance change files only, and never what readers see or need?"""

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import small_lake
from deltalake import DeltaTable

from pipelines import maintain, record_maintenance
from pipelines.readers.snapshot import open_snapshot

NAME = "gold.platform_daily"


@pytest.fixture
def lake(small_school: Path, tmp_path: Path) -> Path:
    """A warehouse in which one table came in four commits, all part of the newest run."""
    root = shutil.copytree(small_school, tmp_path / "lake")
    rows = open_snapshot(root).polars(NAME).to_dicts()
    for _ in range(3):
        version = small_lake.append(root, "platform_daily", rows)
    versions = dict(open_snapshot(root).versions) | {NAME: version}
    small_lake.complete_run(root, versions, "run-2", hour=5)
    return root


def files(root: Path, name: str = NAME) -> int:
    return len(DeltaTable(f"{root}/{name.replace('.', '/')}").file_uris())


def contents(root: Path) -> dict[str, list[Any]]:
    seen = open_snapshot(root)
    names = [name for name in seen.versions if name != "ops.pipeline_runs"]
    return {name: sorted(seen.polars(name).rows(), key=repr) for name in names}


def test_small_files_become_one_per_partition_and_readers_see_them(lake: Path) -> None:
    before = contents(lake)
    assert files(lake) == 4 * 14
    done = {work.table: work for work in maintain.maintain(str(lake), 168)}
    assert (done[NAME].files_before, done[NAME].files_after) == (56, 14)
    assert 0 < done[NAME].bytes_after < done[NAME].bytes_before
    seen = open_snapshot(lake)
    assert seen.version(NAME) == DeltaTable(f"{lake}/gold/platform_daily").version()
    assert len(seen.table(NAME).file_uris()) == 14
    assert contents(lake) == before


def test_row_of_the_run_counts_nothing(lake: Path) -> None:
    maintain.maintain(str(lake), 168)
    rows = open_snapshot(lake).polars("ops.pipeline_runs").sort("finished_at").to_dicts()
    assert (rows[-1]["mode"], rows[-1]["status"]) == ("maintain", "completed")
    assert rows[-1]["records_read"] == 0
    assert rows[-1]["schema_version"] == 1
    assert "ops.pipeline_runs" not in json.loads(rows[-1]["table_versions"])
    assert [name for name, value in rows[-1].items() if value is None] == ["owned_from_date"]


def test_old_orphans_go_and_young_ones_stay(lake: Path) -> None:
    folder = lake / "gold" / "platform_daily" / "date=2025-11-03"
    old, young = folder / "old.parquet", folder / "young.parquet"
    for path in (old, young):
        path.write_bytes(b"half a file")
    os.utime(old, (1, 1))
    done = {work.table: work for work in maintain.maintain(str(lake), 168)}
    assert done[NAME].files_deleted == 1
    assert not old.exists()
    assert young.exists()


def test_versions_of_the_newest_run_survive_without_retention(lake: Path) -> None:
    before = contents(lake)
    done = {work.table: work for work in maintain.maintain(str(lake), 0)}
    # The old files are those of the run that was newest then: they go the next time.
    assert done[NAME].files_deleted == 0
    again = {work.table: work for work in maintain.maintain(str(lake), 0)}
    assert again[NAME].files_deleted == 56
    assert contents(lake) == before


def test_half_a_run_is_not_shown_and_not_compacted(lake: Path) -> None:
    before = contents(lake)
    small_lake.append(lake, "platform_daily", [{"date": small_lake.DAYS[0]}])
    done = {work.table: work for work in maintain.maintain(str(lake), 0)}
    assert "interrupted" in done[NAME].note
    assert files(lake) == 57
    assert contents(lake) == before
    assert maintain.maintain(str(lake), 0)
    assert contents(lake) == before


def test_killed_before_its_row_the_next_run_finishes_the_work(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(lake)
    with monkeypatch.context() as patch:
        patch.setattr(maintain, "record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            maintain.maintain(str(lake), 0)
    assert contents(lake) == before
    assert len(open_snapshot(lake).table(NAME).file_uris()) == 56
    maintain.maintain(str(lake), 0)
    assert len(open_snapshot(lake).table(NAME).file_uris()) == 14
    assert contents(lake) == before


def test_run_that_completes_meanwhile_is_not_hidden(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = record_maintenance.write_deltalake, []

    def racing(*arguments: Any, **named: Any) -> None:
        if not calls:
            version = small_lake.append(lake, "platform_daily", [{"date": small_lake.DAYS[0]}])
            small_lake.complete_run(lake, {NAME: version}, "run-3", hour=6)
        calls.append(1)
        write(*arguments, **named)

    monkeypatch.setattr(record_maintenance, "write_deltalake", racing)
    maintain.maintain(str(lake), 168)
    assert len(calls) == 2
    assert open_snapshot(lake).polars(NAME).height == 57


def test_readers_during_maintenance_always_see_the_same_rows(lake: Path) -> None:
    before = contents(lake)[NAME]
    worker = threading.Thread(target=maintain.maintain, args=(str(lake), 168))
    worker.start()
    while worker.is_alive():
        assert sorted(open_snapshot(lake).polars(NAME).rows(), key=repr) == before
    worker.join()


def test_nothing_to_do_makes_no_commit_but_the_row(lake: Path) -> None:
    maintain.maintain(str(lake), 168)
    version = DeltaTable(f"{lake}/gold/platform_daily").version()
    maintain.maintain(str(lake), 168)
    assert DeltaTable(f"{lake}/gold/platform_daily").version() == version


def test_warehouse_without_a_completed_run_gets_no_row(tmp_path: Path) -> None:
    small_lake.make(tmp_path, ["pipeline_runs", "platform_daily"])
    maintain.maintain(str(tmp_path), 168)
    assert open_snapshot(tmp_path).polars("ops.pipeline_runs").is_empty()


def test_program_prints_what_it_did(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain.main([f"--warehouse={lake}"]) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith(NAME)]
    assert line.split()[1:3] == ["56", "14"]


def test_missing_warehouse_and_wrong_options_are_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert maintain.main([f"--warehouse={tmp_path}/none"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    for wrong in ([], ["--warehouse=x", "--retention_hours=-1"], ["--warehouse=x", "--fast"]):
        with pytest.raises(SystemExit) as caught:
            maintain.main(wrong)
        assert caught.value.code == 2
