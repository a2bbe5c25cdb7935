"""What does it look like? A simulated school, its tables, and the answers to common questions."""

import argparse
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from benchmarks.simulate.__main__ import main as simulate
from pipelines import batch, report, rollup
from pipelines.observability.logs import leave
from pipelines.options.companions import KEY_VARIABLE
from pipelines.readers import answers
from pipelines.readers.snapshot import open_snapshot


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo in a folder of its own; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.demo", description=__doc__)
    parser.add_argument("--folder", default="demo", help="where everything goes (%(default)s)")
    parser.add_argument("--students", type=int, default=200, help="students (%(default)s)")
    parser.add_argument("--days", type=int, default=14, help="days (%(default)s)")
    options = parser.parse_args(argv)
    return run_demo(Path(options.folder), options.students, options.days)


def run_demo(folder: Path, students: int, days: int) -> int:
    """Simulate, run the batch and the rollup, print and draw the answers."""
    events, warehouse = folder / "school", folder / "warehouse"
    os.environ.setdefault(KEY_VARIABLE, own_key(folder))
    print(f"A school of {students} students for {days} days, in {events}")
    simulate([f"--out={events}", f"--students={students}", f"--days={days}"])
    code = batch.main(
        [f"--input={events}/events/raw", f"--warehouse={warehouse}",
         f"--catalog={events}/catalog.csv", f"--question_catalog={events}/questions.csv"]
    )  # fmt: skip
    code = code or rollup.main([f"--warehouse={warehouse}"])
    if code:
        return code
    answers.print_answers(open_snapshot(str(warehouse)))
    page = folder / "report.html"
    report.main([f"--warehouse={warehouse}", f"--out={page}"])
    print(f"\nThe report page: {page}")
    print(f"Ask again: .venv/bin/python -m pipelines.query --warehouse={warehouse} --run=NAME")
    print(f'Ask more: .venv/bin/python -m pipelines.query --warehouse={warehouse} "SELECT …"')
    return 0


def own_key(folder: Path) -> str:
    """A key of the demo's own, kept in its folder so that a second run gives the same hashes."""
    path = folder / "pseudonym.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


if __name__ == "__main__":
    leave(main())
