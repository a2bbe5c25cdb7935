"""How long do the range tables and the analysts' questions take over a year of 10,000 students?

`python -m benchmarks.bench_rollup --folder=DIR` makes the warehouse there (once; it is used again),
runs `pipelines.rollup` on it, then answers every question of `sql/queries`, each in a process of
its own that has read nothing yet.
"""

import argparse
import datetime
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from benchmarks.measure import Run as Measured
from benchmarks.measure import measure
from benchmarks.simulate.courses import catalog_rows, question_rows
from benchmarks.simulate_year import Year, simulate_weeks
from pipelines import VERSION
from pipelines.outputs.commit_run import Facts, commit_run
from pipelines.outputs.describe_run import Run
from pipelines.outputs.lake import Lake
from pipelines.outputs.write_rows import write_rows
from pipelines.readers.queries import answer, connect, find, load_queries
from pipelines.readers.snapshot import open_snapshot
from transforms.catalogue import build_catalogue, build_questions
from transforms.derive import Derived, DeriveOptions, derive_students
from transforms.present import present
from transforms.total_days import total_days

ALL_MODELS_SECONDS, ALL_MODELS_BYTES = 60, 4 << 30
QUERY_SECONDS, USUAL_QUERY_SECONDS = 3.0, 0.1
_GIB = 1 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured; 0 when the goals that must be met are met, else 1."""
    options = _build_parser().parse_args(arguments)
    if options.answer:
        print(json.dumps(answer_once(options.folder, options.answer)))
        return 0
    with ExitStack() as stack:
        folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory())
        year = Year(options.students, options.days, options.seed)
        if not Path(folder, "ops").exists():
            print(make_warehouse(year, folder), flush=True)
        is_fast = [_bench_models(folder), _bench_queries(folder)]
    return 0 if all(is_fast) else 1


def _build_parser() -> argparse.ArgumentParser:
    usual = Year()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_rollup", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--folder", help="of the warehouse, kept; default: one that is removed")
    for name in ("students", "days", "seed"):
        default = getattr(usual, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"({default})")
    parser.add_argument("--answer", metavar="NAME", help="only this question, in this process")
    return parser


def make_warehouse(year: Year, folder: str) -> str:
    """Silver and daily gold of a year, as a batch run leaves them; a line about it.

    No session goes over midnight, so each week is derived alone.
    """
    began = time.monotonic()
    lake, facts = Lake(folder), Facts()
    lake.create_tables()
    courses = year.courses
    known = DeriveOptions(
        catalogue=build_catalogue(catalog_rows(courses)),
        questions=build_questions(question_rows(courses)),
    )
    now = datetime.datetime.now(datetime.UTC)
    run = Run(f"year-{year.seed}", "batch", now, VERSION, "{}", "[]")
    for events in simulate_weeks(year):
        _write_week(lake, facts, derive_students(events, known), run)
    facts.counts["records_read"] = facts.counts["events"] + facts.counts["duplicates"]
    commit_run(lake, folder, run, facts, known)
    counts, seconds = facts.counts, time.monotonic() - began
    return f"{counts['events']:,} events, {counts['sessions']:,} sessions in {seconds:.0f} s"


def _write_week(lake: Lake, facts: Facts, week: Derived, run: Run) -> None:
    frames = dict(week.rows)
    for name, frame in week.contributions.items():
        frames[name] = total_days(name, frame)
    for name, frame in frames.items():
        rows = present(name, frame, run.started_at)
        facts.files.setdefault(name, []).extend(write_rows(lake.warehouse, name, rows))
    facts.counts.update(Counter(week.counts))


def _bench_models(folder: str) -> bool:
    """Run all models; whether it worked within the goals."""
    measured = measure([sys.executable, "-m", "pipelines.rollup", f"--warehouse={folder}"])
    print(measured.output.rstrip())
    print(f"all models: {_figures(measured)}, exit code {measured.exit_code}\n", flush=True)
    is_fast = measured.seconds < ALL_MODELS_SECONDS and measured.peak_bytes < ALL_MODELS_BYTES
    return is_fast and measured.exit_code == 0


def _bench_queries(folder: str) -> bool:
    """Answer all questions; whether each was opened and answered within the goal."""
    print("| question | rows | opened in s | answered in s | peak memory GiB |")
    print("|---|---:|---:|---:|---:|")
    told = [_bench_query(folder, name) for name in load_queries()]
    whole = [one["opened"] + one["answered"] for one in told]
    quick = sum(one["answered"] < USUAL_QUERY_SECONDS for one in told)
    quick_whole = sum(took < USUAL_QUERY_SECONDS for took in whole)
    print(f"\nof {len(told)}, answered in under {USUAL_QUERY_SECONDS} s: {quick}, with opening: "
          f"{quick_whole}; slowest with opening: {max(whole):.2f} s")  # fmt: skip
    return max(whole) < QUERY_SECONDS


def _bench_query(folder: str, name: str) -> dict[str, float]:
    """What `answer_once` tells in a new process; endless where there is no answer."""
    command = [sys.executable, "-m", "benchmarks.bench_rollup", f"--folder={folder}"]
    measured = measure([*command, f"--answer={name}"])
    if measured.exit_code:
        print(f"| {name} | failed: {measured.output.strip().splitlines()[-1]} |", flush=True)
        return {"opened": math.inf, "answered": math.inf, "rows": 0}
    told: dict[str, float] = json.loads(measured.output.splitlines()[-1])
    figures = f"{told['opened']:.3f} | {told['answered']:.3f} | {measured.peak_bytes / _GIB:.2f}"
    print(f"| {name} | {told['rows']:,} | {figures} |", flush=True)
    return told


def answer_once(folder: str, name: str) -> dict[str, float]:
    """Seconds to open the tables of a question and to answer it, and its number of rows."""
    query = find(load_queries(), name)
    began = time.perf_counter()
    connection = connect(open_snapshot(folder), [query])
    opened = time.perf_counter()
    rows: pl.DataFrame = answer(connection, query)
    done = time.perf_counter()
    return {"opened": opened - began, "answered": done - opened, "rows": rows.height}


def _figures(measured: Measured) -> str:
    return f"{measured.seconds:.1f} s, {measured.peak_bytes / _GIB:.2f} GiB at most"


if __name__ == "__main__":
    sys.exit(main())
