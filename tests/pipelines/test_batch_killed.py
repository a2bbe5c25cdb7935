"""Is a run that was killed at any moment as if it had never been, and the next one whole?"""

import random
import time
from pathlib import Path

import pytest

from benchmarks.simulate import simulate
from tests.pipelines.killing import commits, kill, kill_when, start
from tests.pipelines.whole_runs import completed, contents, write_lines

pytestmark = [pytest.mark.usefixtures("pseudonym_key"), pytest.mark.slow]
RUNS = "ops/pipeline_runs"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What a first run reads, and all that the run to be killed reads."""
    folder = tmp_path_factory.mktemp("in")
    lines = simulate(students=10, days=3, bad=0.02, duplicates=0.03).records
    write_lines(folder / "all" / "a.jsonl", lines[: len(lines) // 2])
    write_lines(folder / "all" / "b.jsonl", lines[len(lines) // 2 :])
    return folder / "all" / "a.jsonl", folder / "all"


@pytest.fixture(scope="module")
def clean(
    inputs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, pseudonym_key: str
) -> dict[str, list[str]]:
    """The rows of a warehouse where no run was ever killed."""
    warehouse = tmp_path_factory.mktemp("clean")
    completed(warehouse, inputs[1])
    return contents(warehouse)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_a_run_leaves_the_rows_of_the_one_before(
    inputs: tuple[Path, Path], clean: dict[str, list[str]], tmp_path: Path, workers: int
) -> None:
    completed(tmp_path, inputs[0])
    before = contents(tmp_path)
    begun = time.monotonic()
    assert start(tmp_path / "measured", inputs[1], f"--workers={workers}").wait() == 0
    runs = commits(tmp_path, RUNS)
    usual, chance = time.monotonic() - begun, random.Random(workers)
    for _ in range(6 // workers):
        process = start(tmp_path, inputs[1], f"--workers={workers}")
        time.sleep(chance.uniform(0.5, usual))
        kill(process)
        if commits(tmp_path, RUNS) > runs:
            before = clean
        assert contents(tmp_path) == before
    completed(tmp_path, inputs[1])
    assert contents(tmp_path) == clean


@pytest.mark.parametrize(
    ("table", "workers"),
    [("silver/events", 1), ("gold/chapter_engagement", 2), ("gold/anomalies", 1)],
)
def test_killed_between_two_commits_a_run_shows_nothing_and_can_be_repeated(
    inputs: tuple[Path, Path],
    clean: dict[str, list[str]],
    tmp_path: Path,
    table: str,
    workers: int,
) -> None:
    completed(tmp_path, inputs[0])
    before, count = contents(tmp_path), commits(tmp_path, table)
    runs = commits(tmp_path, RUNS)
    process = start(tmp_path, inputs[1], f"--workers={workers}")
    kill_when(process, lambda: commits(tmp_path, table) > count)
    assert commits(tmp_path, table) > count
    if commits(tmp_path, RUNS) == runs:
        assert contents(tmp_path) == before
    completed(tmp_path, inputs[1])
    assert contents(tmp_path) == clean


def test_killed_in_its_first_run_a_warehouse_is_empty_and_then_whole(
    inputs: tuple[Path, Path], clean: dict[str, list[str]], tmp_path: Path
) -> None:
    process = start(tmp_path, inputs[1], "--workers=1")
    kill_when(process, lambda: commits(tmp_path, "silver/sessions") > 1)
    assert not any(contents(tmp_path).values())
    completed(tmp_path, inputs[1])
    assert contents(tmp_path) == clean
