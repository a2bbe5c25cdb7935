"""Is the warehouse of the benchmark one that a rollup accepts and that answers questions?"""

from pathlib import Path

import pytest

from benchmarks.bench_rollup import answer_once, make_warehouse
from benchmarks.simulate_year import Year
from pipelines import rollup
from pipelines.readers.queries import load_queries


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year")
    make_warehouse(Year(students=60, days=10), str(folder))
    return folder


def test_every_model_passes_its_checks_and_every_question_has_an_answer(warehouse: Path) -> None:
    assert rollup.main([f"--warehouse={warehouse}"]) == 0
    rows = {name: answer_once(str(warehouse), name)["rows"] for name in load_queries()}
    away = "away_students"
    assert [name for name, count in rows.items() if not count and name != away] == []
