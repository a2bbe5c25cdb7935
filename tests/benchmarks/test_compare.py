"""Can a comparison be trusted: memory of whole process trees, and rows that must agree first?"""

import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.agreement import differences
from benchmarks.compare import engines, main
from benchmarks.measure import measure

HOLD_64_MIB = "import time; held = b'x' * 2**26; time.sleep(0.6)"


def test_memory_of_grandchildren_counts() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD_64_MIB!r}])"
    run = measure([sys.executable, "-c", child])
    assert run.exit_code == 0
    assert run.peak_bytes > 2**26
    assert run.seconds > 0.5


def test_the_output_and_exit_code_of_a_failing_command_are_kept() -> None:
    run = measure([sys.executable, "-c", "import sys; print('no key'); sys.exit(3)"])
    assert (run.exit_code, run.output) == (3, "no key\n")


def _devices(seconds: float, device: str | None = "mobile") -> pl.DataFrame:
    counts = {"sessions_count": [2], "active_students": [1]}
    return pl.DataFrame(
        {"date": ["2025-09-01"], "device_type": [device]}
        | counts
        | {"total_time_spent_seconds": [seconds]}
    )


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (_devices(100.0 + 5e-8), 0),
        (_devices(100.0 + 5e-7), 1),
        (_devices(100.0, None), 1),
        (_devices(100.0).clear(), 1),
    ],
)
def test_doubles_agree_to_a_relative_1e_9_and_nulls_exactly(
    other: pl.DataFrame, count: int
) -> None:
    assert len(differences(_devices(100.0), other, "device_daily")) == count


def test_duckdb_agrees_with_itself_and_a_table_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--sizes=2000", "--runs=1", "--only=duckdb", f"--folder={tmp_path}"]
    assert main(flags) == 0
    printed = capsys.readouterr().out
    assert "| 2,000 | DuckDB SQL |" in printed
    assert "cores" in printed


def test_a_failing_contestant_stops_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--sizes=2000", "--runs=1", "--only=chapterflow", f"--folder={tmp_path}"]
    product = f"{sys.executable} -c 'import sys; sys.exit(7)'"
    assert main([*flags, f"--product={product}"]) == 1
    assert "chapterflow failed (7)" in capsys.readouterr().err


def test_chapterflow_gets_input_and_warehouse(tmp_path: Path) -> None:
    command = engines(["flow", "--x"], "python")["chapterflow"].command(tmp_path / "a", tmp_path)
    assert command == ["flow", "--x", f"--input={tmp_path / 'a'}", f"--warehouse={tmp_path}"]
