"""Where does the time go, and where do students stop? Draws the answers as one HTML page.

The page needs nothing from elsewhere: it can be mailed, or opened without a network.
"""

import argparse
import datetime
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines import report_charts, report_page
from pipelines.answers import QUESTIONS, answer
from pipelines.report_charts import Chart
from pipelines.snapshot import Snapshot, WarehouseError, open_snapshot

SECTIONS: dict[str, tuple[str, str, Callable[[pl.DataFrame], Chart]]] = {
    "active-students": (
        "active_students",
        "How many students are active each day?",
        report_charts.active_students,
    ),
    "time-per-chapter": (
        "time_per_chapter",
        "Where does the time go?",
        report_charts.time_per_chapter,
    ),
    "time-by-hour": ("time_by_hour", "When do students learn?", report_charts.time_by_hour),
    "time-distribution": (
        "time_distribution",
        "How long is a visit?",
        report_charts.time_distribution,
    ),
    "average-and-median": (
        "time_distribution",
        "Is the average a typical visit?",
        report_charts.average_and_median,
    ),
    "drop-off": ("drop_off", "Where do students drop off?", report_charts.drop_off),
    "courses": ("courses", "How do courses compare?", report_charts.courses),
    "wrong-answers": (
        "wrong_answers",
        "Which questions do people get wrong?",
        report_charts.wrong_answers,
    ),
}
"""Id on the page -> name of the question, heading, and how it is drawn; in the page's order."""

_NO_DATA = (
    "<section><h2>There is no data yet</h2><p>The warehouse is empty. Run "
    "<code>python -m pipelines.batch</code> on some events, then make the report again.</p>"
    "</section>"
)


def render(snapshot: Snapshot, written_at: datetime.datetime) -> str:
    """The report of a snapshot as one HTML page; a page that says so when there is no data."""
    texts = " ".join(question.sql for question in QUESTIONS.values())
    connection = snapshot.connect(texts)
    rows = {name: answer(connection, name) for name in QUESTIONS}
    if all(found.is_empty() for found in rows.values()):
        return report_page.page(_NO_DATA, {}, written_at)
    charts = {
        place: draw(rows[name])
        for place, (name, _, draw) in SECTIONS.items()
        if not rows[name].is_empty()
    }
    headline = rows["headline"]
    body = "" if headline.is_empty() else report_page.headline(headline.row(0, named=True))
    for place, (_, title, _) in SECTIONS.items():
        body += report_page.section(place, title, charts.get(place))
    return report_page.page(body, charts, written_at)


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 0 done, 2 with one line when it cannot be read or written."""
    options = build_parser().parse_args(arguments)
    try:
        page = render(open_snapshot(options.warehouse), datetime.datetime.now(datetime.UTC))
        options.out.write_text(page, encoding="utf-8")
    except WarehouseError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot write {options.out}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"written {options.out}: open it in a browser")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.report",
        description=(__doc__ or "").partition("\n")[0],
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help="folder, s3:// or gs:// of the tables")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.html", help="the page")
    return parser


if __name__ == "__main__":
    sys.exit(main())
