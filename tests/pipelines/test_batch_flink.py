"""Does the batch give the same rows on a Flink cluster, on one slot and on several?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simulate import simulate
from pipelines.services.cluster import FlinkCluster
from tests.pipelines.killing import start
from tests.pipelines.whole_runs import (
    OUTCOMES,
    completed,
    contents,
    last_run,
    write_catalogues,
    write_lines,
)
from tests.pipelines.whole_streams import dead_letters
from tests.pipelines.whole_topics import need_servers

pytestmark = pytest.mark.usefixtures("pseudonym_key")
_FILES = 5
Given = tuple[Path, dict[str, Any], Path, dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    need_servers()
    with FlinkCluster(tmp_path_factory.mktemp("flink")) as started:
        yield started


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, pseudonym_key: str) -> Given:
    """Files of a school's raw zone, its catalogues, and what the local runner makes of them."""
    folder = tmp_path_factory.mktemp("in")
    school = simulate(students=12, days=3, bad=0.02, duplicates=0.05, envelopes=True)
    bodies = [arrival.body for arrival in school.arrivals]
    for number in range(_FILES):
        write_lines(folder / "raw" / f"{number}.jsonl", bodies[number::_FILES])
    raw, catalogues = folder / "raw", write_catalogues(school, folder)
    return raw, catalogues, folder / "here", completed(folder / "here", raw, **catalogues)


@pytest.mark.parametrize("slots", [1, 2])
def test_cluster_gives_the_rows_of_the_local_runner(
    cluster: FlinkCluster, given: Given, tmp_path: Path, slots: int
) -> None:
    (raw, catalogues, here, told), there = given, tmp_path / "there"
    known = [f"--{name}={value}" for name, value in catalogues.items()]
    assert start(there, raw, *known, *cluster.batch_options(slots)).wait() == 0
    row = last_run(there)
    names = ("records_read", *OUTCOMES, "late")
    assert {name: row[name] for name in names} == {name: told[name] for name in names}
    assert contents(there) == contents(here)
    assert dead_letters(there) == dead_letters(here) != []
