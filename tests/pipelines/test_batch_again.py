"""Does the same input, run again, leave exactly what one run leaves?"""

from pathlib import Path

import pytest

from benchmarks.simulate import School, simulate
from benchmarks.simulate.files import write_school
from pipelines import maintain
from pipelines.readers.snapshot import open_snapshot
from tests.pipelines.whole_runs import completed, contents, read

pytestmark = pytest.mark.usefixtures("pseudonym_key")


@pytest.fixture
def school(tmp_path: Path) -> School:
    made = simulate(students=6, days=3, bad=0.03, duplicates=0.05)
    write_school(made, tmp_path / "school")
    return made


def _data_files(warehouse: Path) -> dict[str, int]:
    """Parquet files and their bytes, without the log of the tables and the table of runs."""
    files = (path for path in warehouse.rglob("*") if path.is_file())
    names = ((path.relative_to(warehouse).as_posix(), path) for path in files)
    kept = ((name, path) for name, path in names if "_delta_log" not in name)
    return {n: path.stat().st_size for n, path in kept if not n.startswith("ops/pipeline_runs")}


@pytest.mark.usefixtures("school")
def test_second_run_gives_the_same_rows_and_counts(tmp_path: Path) -> None:
    inputs, warehouse = tmp_path / "school" / "events", tmp_path / "warehouse"
    first = completed(warehouse, inputs)
    before = contents(warehouse)
    second = completed(warehouse, inputs)
    assert contents(warehouse) == before
    counts = [name for name, value in first.items() if isinstance(value, int)]
    assert {n: first[n] for n in counts} == {n: second[n] for n in counts}
    assert first["dead_letters"] > 10
    assert first["run_id"] != second["run_id"]


@pytest.mark.usefixtures("school")
def test_dead_letters_of_a_second_run_are_those_of_the_first(tmp_path: Path) -> None:
    inputs, warehouse = tmp_path / "school" / "events", tmp_path / "warehouse"
    row = completed(warehouse, inputs)
    first = read(warehouse, "ops.dead_letters")
    assert len(first) == row["dead_letters"]
    completed(warehouse, inputs)
    assert sorted(read(warehouse, "ops.dead_letters"), key=str) == sorted(first, key=str)


@pytest.mark.usefixtures("school")
def test_warehouse_does_not_grow_with_runs_once_it_is_maintained(tmp_path: Path) -> None:
    inputs, warehouse = tmp_path / "school" / "events", tmp_path / "warehouse"
    sizes, rows = [], []
    for _ in range(3):
        completed(warehouse, inputs)
        maintain.maintain(str(warehouse), retention_hours=0)
        files = _data_files(warehouse)
        sizes.append((len(files), sum(files.values())))
        rows.append(contents(warehouse))
    assert rows[0] == rows[1] == rows[2]
    assert sizes[1][0] == sizes[2][0] == sizes[0][0]
    assert max(size for _, size in sizes) <= 1.02 * min(size for _, size in sizes)


@pytest.mark.usefixtures("school")
def test_runs_after_maintenance_can_still_be_read_and_replaced(tmp_path: Path) -> None:
    inputs, warehouse = tmp_path / "school" / "events", tmp_path / "warehouse"
    completed(warehouse, inputs)
    before = contents(warehouse)
    maintain.maintain(str(warehouse), retention_hours=0)
    assert contents(warehouse) == before
    completed(warehouse, inputs)
    assert contents(warehouse) == before


@pytest.mark.usefixtures("school")
def test_a_file_sent_twice_counts_once(tmp_path: Path) -> None:
    inputs, warehouse = tmp_path / "school" / "events", tmp_path / "warehouse"
    once = completed(warehouse, inputs)
    before = contents(warehouse)
    source = next(inputs.rglob("*.gz"))
    source.with_name("sent-again.jsonl.gz").write_bytes(source.read_bytes())
    twice = completed(warehouse, inputs)
    assert contents(warehouse) == before
    assert twice["duplicates"] > once["duplicates"]
    assert twice["events"] == once["events"]


def test_every_table_is_there_with_its_schema_after_a_run_without_a_single_event(
    tmp_path: Path,
) -> None:
    from schemas import arrow, tables

    source = tmp_path / "empty.jsonl"
    source.touch()
    row = completed(tmp_path / "warehouse", source)
    assert row["records_read"] == 0
    snapshot = open_snapshot(tmp_path / "warehouse")
    for table in tables.tables().values():
        names = snapshot.dataset(table.full_name).schema.names
        assert sorted(names) == sorted(arrow.schema(table.name).names)
