"""How is a simulated school written to disk? `python -m benchmarks.simulate --out=DIR`."""

import argparse
import datetime
import sys
from pathlib import Path

from benchmarks.simulate.files import write_school
from benchmarks.simulate.options import DIALECTS, Options
from benchmarks.simulate.school import simulate


def _parser() -> argparse.ArgumentParser:
    usual = Options()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulate", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    sizes = {"students": "students", "days": "days, from --start_date", "seed": "seed of chance"}
    for name, text in sizes.items():
        usual_value = getattr(usual, name)
        text += f" ({usual_value})"
        parser.add_argument(f"--{name}", type=int, default=usual_value, help=text)
    parser.add_argument(
        "--start_date",
        type=datetime.date.fromisoformat,
        default=usual.start_date,
        help=f"first date, YYYY-MM-DD ({usual.start_date})",
    )
    parser.add_argument("--dialect", choices=DIALECTS, default=usual.dialect)
    _add_faults(parser, usual)
    return parser


def _add_faults(parser: argparse.ArgumentParser, usual: Options) -> None:
    shares = {
        "duplicates": "copies per event",
        "bad": "unusable records per event",
        "without_consent": "share of the students without consent",
    }
    for name, text in shares.items():
        usual_value = getattr(usual, name)
        text += f" ({usual_value})"
        parser.add_argument(f"--{name}", type=float, default=usual_value, help=text)
    parser.add_argument("--unreadable_files", type=int, default=0, help="files of cut gzip (0)")
    parser.add_argument(
        "--envelopes", action="store_true", help="wrap records as the raw zone does"
    )
    parser.add_argument(
        "--gzip", action=argparse.BooleanOptionalAction, default=True, help="compress the events"
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the school asked for and say how large it came out."""
    parser = _parser()
    chosen = vars(parser.parse_args(arguments))
    out, is_gzip = chosen.pop("out"), chosen.pop("gzip")
    try:
        options = Options(**chosen)
    except ValueError as error:
        parser.error(str(error))
    school = simulate(options)
    write_school(school, out, is_gzip=is_gzip)
    truth = school.truth
    print(f"{truth['records']} records of {truth['students_with_events']} students in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
