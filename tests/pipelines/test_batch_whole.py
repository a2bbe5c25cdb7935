"""Are the tables of the whole program those of the independent reference, row by row?"""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reference import Record, compute
from benchmarks.simulate import School, simulate
from tests.pipelines.whole_runs import (
    assert_as_reference,
    completed,
    read,
    records,
    write_catalogues,
    write_lines,
)

pytestmark = pytest.mark.usefixtures("pseudonym_key")
METRICS = {
    "session_gap_seconds": 1200,
    "idle_after_seconds": 120,
    "interval_active_cap_seconds": 900,
    "max_session_hours": 2,
    "skim_seconds": 30,
    "max_age_days": 100,
}


@pytest.fixture(scope="module")
def schools() -> tuple[School, School]:
    """The same students twice: what plain files hold, and what the raw zone does."""
    plain = simulate(students=9, days=4, seed=5, bad=0.04, duplicates=0.05)
    wrapped = simulate(students=9, days=4, seed=5, bad=0.03, duplicates=0.05, envelopes=True)
    return plain, wrapped


def _write(schools: tuple[School, School], folder: Path) -> Iterator[Record]:
    """Every third record in the raw zone, the others in plain files and gzip; all as records."""
    plain, wrapped = schools
    lines = [a.body for n, a in enumerate(plain.arrivals) if n % 3]
    zipped, bare = lines[::2], lines[1::2]
    path = folder / "clickstream" / "date=2025-09-01" / "part-0.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"\n".join(zipped)))
    yield from records(zipped, str(path))
    yield from records(bare, str(write_lines(folder / "quiz" / "bare.jsonl", bare)))
    wrapped_lines = [a.body for a in wrapped.arrivals[::2]]
    raw = write_lines(folder / "raw" / "date=2025-09-02" / "hour=10" / "part.jsonl", wrapped_lines)
    yield from records(wrapped_lines, str(raw))


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_mixed_dialects_formats_and_faults_give_the_rows_of_the_reference(
    schools: tuple[School, School], tmp_path: Path, workers: int
) -> None:
    given = list(_write(schools, tmp_path / "in"))
    catalogues = write_catalogues(schools[0], tmp_path)
    warehouse = tmp_path / "warehouse"
    row = completed(warehouse, tmp_path / "in", workers=workers, **catalogues)
    expected = compute(given, catalog=schools[0].catalog, questions=schools[0].questions)
    assert_as_reference(warehouse, expected)
    _assert_counts(row, expected["counts"][0])
    _assert_questions(warehouse, schools[0].questions)


def _assert_questions(warehouse: Path, catalogue: list[dict]) -> None:
    names = ("quiz_id", "question_id", "pass_mark", "skill_id")
    wanted, found = (
        sorted(tuple(row[name] for name in names) for row in rows)
        for rows in (catalogue, read(warehouse, "gold.dim_questions"))
    )
    assert found == wanted != []


def _assert_counts(row: dict, counts: dict) -> None:
    assert counts["dead_letters"] > 20
    assert counts["duplicates"] > 10
    shared = counts.keys() & row.keys()
    assert {name: row[name] for name in shared} == {name: counts[name] for name in shared}


@pytest.mark.parametrize("split_on", ["", "device,browser,network,login"])
def test_every_option_of_the_metrics_reaches_the_numbers(
    schools: tuple[School, School], tmp_path: Path, split_on: str
) -> None:
    given = list(_write(schools, tmp_path / "in"))
    options = METRICS | {"reporting_timezone": "America/St_Johns"}
    completed(tmp_path / "warehouse", tmp_path / "in", **options, split_on=split_on or None)
    splits = [name for name in split_on.split(",") if name]
    assert_as_reference(tmp_path / "warehouse", compute(given, options | {"split_on": splits}))
