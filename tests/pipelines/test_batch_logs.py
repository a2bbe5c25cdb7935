"""Is what a run says complete, readable by machines, and silent about students and the key?"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.simulate import simulate
from pipelines import batch, shuffle
from pipelines.graph import build_batch
from pipelines.observability import progress
from pipelines.options.batch_options import parse_batch_options
from pipelines.outputs.lake import Lake
from tests.pipelines.killing import ROOT
from tests.pipelines.whole_runs import OUTCOMES, completed, page_view, run, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
SECRET = "a-very-secret-key"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = simulate(students=8, days=2, bad=0.03, duplicates=0.05).records
    return write_lines(tmp_path / "events.jsonl", lines)


def _program(source: Path, warehouse: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """The program as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.batch", f"--input={source}", f"--warehouse={warehouse}",
         *flags],
        cwd=ROOT, env={**os.environ, "CHAPTERFLOW_PSEUDONYM_KEY": SECRET},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_json_log_is_one_object_a_line_and_ends_with_the_counts(
    source: Path, tmp_path: Path, workers: int
) -> None:
    done = _program(source, tmp_path / "w", "--log_format=json", f"--workers={workers}")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert all({"time", "severity", "message"} <= line.keys() for line in lines)
    last = lines[-1]
    assert last["message"] == "run completed"
    assert last["records_read"] == sum(last[name] for name in OUTCOMES) > 100
    assert sum(last["dead_letters_by_reason"].values()) == last["dead_letters"] > 0
    assert SECRET not in done.stderr
    assert "stu_1" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_but_the_summary_is_printed(source: Path, tmp_path: Path, workers: int) -> None:
    done = _program(source, tmp_path / "w", f"--workers={workers}")
    assert done.stderr == ""
    assert re.match(r"Run \S+ completed in [\d.]+ s", done.stdout)
    assert SECRET not in done.stdout
    assert "stu_1" not in done.stdout


def test_failure_is_one_line_even_in_json(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "w", source, session_gap_seconds="x", log_format="json") == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_counters_of_beam_are_those_of_the_run(source: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- field: student_id\n  regex: '[13]$'\n")
    flags = [f"--input={source}", f"--warehouse={tmp_path / 'w'}", f"--exclusion_file={rules}"]
    options = parse_batch_options(flags)
    plan = batch.plan_batch(options, "batch")
    lake = Lake(options.warehouse)
    lake.create_tables()
    pipeline = batch.open_pipeline(options, plan.chunks)
    build_batch(pipeline, plan)
    result = pipeline.run()
    result.wait_until_finish()
    counted: Counter[str] = Counter()
    for counter in result.metrics().query()["counters"]:
        if counter.key.metric.namespace == "chapterflow":
            counted[counter.key.metric.name] += counter.committed
    row = progress.summary_row(lake, plan.run.run_id)
    names = ("records_read", "sessions", *OUTCOMES)
    assert {name: counted[name] for name in names} == {name: row[name] for name in names}
    assert counted["records_read"] == sum(counted[name] for name in OUTCOMES)
    assert min(counted[n] for n in ("events", "duplicates", "dead_letters", "excluded")) > 0


def test_progress_tells_what_is_read_and_then_what_is_derived(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = shuffle.load_shard
    options = parse_batch_options([f"--input={source}", f"--warehouse={tmp_path / 'w'}"])
    plan = batch.plan_batch(options, "batch")
    seen.append(progress.describe_progress(plan))

    def load_shard(slices: object) -> object:
        loaded = real(slices)
        seen.append(progress.describe_progress(plan))
        return loaded

    monkeypatch.setattr("pipelines.graph.load_shard", load_shard)
    Lake(options.warehouse).create_tables()
    pipeline = batch.open_pipeline(options, plan.chunks)
    build_batch(pipeline, plan)
    pipeline.run().wait_until_finish()
    assert re.fullmatch(r"reading [\d.]+ MB in 1 chunks: 0 events so far", seen[0])
    assert re.fullmatch(r"deriving \d+ events: shard 1 of up to 16", seen[1])
    assert len(seen) > 3


def test_row_of_the_run_tells_its_options_inputs_and_versions(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "e.jsonl", [page_view()])
    row = completed(tmp_path / "w", source, session_gap_seconds=60, split_on="device")
    assert json.loads(row["inputs"]) == [str(source)]
    assert json.loads(row["options"]) == {"session_gap_seconds": 60.0, "split_on": ["device"]}
    assert json.loads(row["table_versions"])["silver.events"] > 0
    assert (row["mode"], row["status"]) == ("batch", "completed")
    assert row["started_at"] <= row["finished_at"]
