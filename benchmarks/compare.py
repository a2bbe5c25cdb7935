"""How fast is chapterflow beside hand-written DuckDB and PySpark that make the same tables?

`python -m benchmarks.compare --sizes=1000000 --runs=3` runs them in turn as whole processes, from
one file of raw events to tables on disk. Before a figure is printed the rows of all of them have to
agree; if they do not, it says where and exits with 1.
"""

import argparse
import importlib.metadata
import itertools
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from benchmarks.agreement import KEYS, differences, hash_students, read_delta, read_rival
from benchmarks.generate_events import write_events
from benchmarks.measure import Run, measure

ROOT = Path(__file__).parent.parent
RIVALS = Path(__file__).with_name("rivals")
# Not a secret: the students of the benchmark are invented.
KEY = "benchmark-key"
GIB = 2**30


@dataclass(frozen=True)
class Engine:
    """One way to make the tables: its command for an input and an output, and how to read it."""

    title: str
    command: Callable[[Path, Path], list[str]]
    read: Callable[[Path, str], pl.DataFrame]
    environment: Mapping[str, str] = field(default_factory=dict)


def engines(product: list[str], spark_python: str) -> dict[str, Engine]:
    """The contestants by name; `product` is the command of chapterflow up to its input."""

    def rival(python: str, script: str) -> Callable[[Path, Path], list[str]]:
        program = os.fspath(RIVALS / script)
        return lambda source, out: [python, program, f"--input={source}", f"--out={out}"]

    return {
        "chapterflow": Engine(
            "chapterflow",
            lambda source, out: [*product, f"--input={source}", f"--warehouse={out}"],
            read_delta,
            {"CHAPTERFLOW_PSEUDONYM_KEY": KEY},
        ),
        "duckdb": Engine("DuckDB SQL", rival(sys.executable, "duckdb_tables.py"), read_rival),
        "spark": Engine("PySpark local[2]", rival(spark_python, "spark_tables.py"), read_rival),
    }


def run_once(engine: Engine, source: Path, out: Path) -> Run:
    """One whole run into an empty folder; RuntimeError with the end of its output if it fails."""
    shutil.rmtree(out, ignore_errors=True)
    run = measure(engine.command(source, out), engine.environment, ROOT)
    if run.exit_code != 0:
        raise RuntimeError(f"{engine.title} failed ({run.exit_code}):\n{run.output[-2000:]}")
    return run


def compare_rows(contestants: dict[str, Engine], folder: Path) -> list[str]:
    """What differs between the first contestant's rows and each other's."""
    (first, one), *others = contestants.items()
    found = []
    for table in KEYS:
        expected = _hashed(one.read(folder / first, table))
        if expected.is_empty():
            found.append(f"{first}: {table} has no rows")
        for name, other in others:
            rows = _hashed(other.read(folder / name, table))
            found += [f"{first} / {name}: {text}" for text in differences(expected, rows, table)]
    return found


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """Student ids as the product stores them; what is hashed already stays."""
    if "student" not in rows.columns:
        return rows
    students = [text for text in rows["student"].unique() if text.startswith("stu_")]
    hashes = hash_students(students, KEY)
    return rows.with_columns(pl.col("student").replace(hashes)) if hashes else rows


def compare_size(contestants: dict[str, Engine], source: Path, runs: int) -> dict[str, list[Run]]:
    """All runs on one file, in turn; RuntimeError where rows differ."""
    measured: dict[str, list[Run]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        for number, (name, engine) in itertools.product(range(runs), contestants.items()):
            run = run_once(engine, source, Path(folder, name))
            measured[name].append(run)
            _progress(f"{engine.title}, run {number + 1}: {run.seconds:.1f} s")
        found = compare_rows(contestants, Path(folder))
    if found:
        raise RuntimeError("rows differ:\n" + "\n".join(found))
    return measured


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(contestants: dict[str, Engine], results: dict[int, dict[str, list[Run]]]) -> str:
    """The Markdown table: medians, their range, and memory."""
    lines = [
        "| events | engine | median s | range s | events/s | peak memory GiB |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for size, measured in results.items():
        for name, runs in measured.items():
            seconds = [run.seconds for run in runs]
            median = statistics.median(seconds)
            peak = statistics.median(run.peak_bytes for run in runs) / GIB
            spread = f"{min(seconds):.1f}-{max(seconds):.1f}"
            figures = f"{median:.1f} | {spread} | {size / median:,.0f} | {peak:.2f}"
            lines.append(f"| {size:,} | {contestants[name].title} | {figures} |")
    return "\n".join([*lines, "", machine()])


def machine() -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    cpu = names[0] if names else platform.machine()
    versions = ", ".join(f"{name} {_version(name)}" for name in ("apache-beam", "polars", "duckdb"))
    return (
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {versions}."
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _has_spark(python: str) -> bool:
    return subprocess.run([python, "-c", "import pyspark"], capture_output=True).returncode == 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", allow_abbrev=False)
    parser.add_argument("--sizes", default="1000000,10000000", help="numbers of events")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, for the median (3)")
    parser.add_argument("--only", default="chapterflow,duckdb,spark", help="who takes part")
    usual = Path(tempfile.gettempdir(), "chapterflow-bench")
    parser.add_argument("--folder", type=Path, default=usual, help=f"for the files ({usual})")
    parser.add_argument(
        "--product",
        type=shlex.split,
        default=[sys.executable, "-m", "pipelines.batch"],
        help="command of chapterflow, up to --input",
    )
    parser.add_argument(
        "--spark_python",
        default=sys.executable,
        help="a Python with benchmarks/requirements.txt installed",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison that was asked for and print its table."""
    chosen = _parser().parse_args(arguments)
    known, names = engines(chosen.product, chosen.spark_python), chosen.only.split(",")
    if unknown := set(names) - set(known):
        _progress(f"unknown in --only: {', '.join(sorted(unknown))}")
        return 2
    if "spark" in names and not _has_spark(chosen.spark_python):
        _progress("PySpark is not installed for --spark_python: left out")
        names.remove("spark")
    contestants = {name: known[name] for name in names}
    folder, results = chosen.folder.resolve(), {}
    for size in map(int, chosen.sizes.split(",")):
        source = folder / f"events-{size}.jsonl"
        if not source.exists():
            _progress(f"writing {source.name}")
            write_events(source, size, days=14, seed=1, is_mixed=False)
        try:
            results[size] = compare_size(contestants, source, chosen.runs)
        except RuntimeError as error:
            _progress(str(error))
            return 1
    print(report(contestants, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
