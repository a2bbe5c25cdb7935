"""Where does the time go, and where do students stop? Draws the answers as one HTML page.

The page needs nothing from elsewhere: it can be mailed, or opened without a network.
"""

import argparse
import datetime
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines.readers import queries, report_charts, report_page
from pipelines.readers.report_charts import Chart
from pipelines.readers.snapshot import Snapshot, WarehouseError, open_snapshot

SECTIONS: dict[str, Callable[[pl.DataFrame], Chart]] = {
    "active_students": report_charts.active_students,
    "time_per_chapter": report_charts.time_per_chapter,
    "time_by_hour": report_charts.time_by_hour,
    "time_distribution": report_charts.time_distribution,
    "average_and_median": report_charts.average_and_median,
    "drop_off": report_charts.drop_off,
    "course_visits": report_charts.course_visits,
    "hardest_questions": report_charts.hardest_questions,
}
"""Name of a question of `sql/queries` -> how its answer is drawn; in the page's order."""

_ANSWERED_BY = {"average_and_median": "time_distribution"}
"""Questions whose own answer needs a rollup -> one that holds the figures and needs none."""

_NO_DATA = (
    "<section><h2>There is no data yet</h2><p>The warehouse is empty. Run "
    "<code>python -m pipelines.batch</code> on some events, then make the report again.</p>"
    "</section>"
)


def render(snapshot: Snapshot, written_at: datetime.datetime) -> str:
    """The report of a snapshot as one HTML page; a page that says so when there is no data."""
    rows = _answers(snapshot)
    if all(found.is_empty() for found in rows.values()):
        return report_page.page(_NO_DATA, {}, written_at)
    charts = {
        _place(name): draw(rows[name])
        for name, draw in SECTIONS.items()
        if not rows[name].is_empty()
    }
    headline = rows["headline"]
    body = "" if headline.is_empty() else report_page.headline(headline.row(0, named=True))
    asked = queries.load_queries()
    for name in SECTIONS:
        body += report_page.section(_place(name), asked[name].question, charts.get(_place(name)))
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


def _answers(snapshot: Snapshot) -> dict[str, pl.DataFrame]:
    """The rows of the headline and of every section."""
    asked = queries.load_queries()
    used = {name: asked[_ANSWERED_BY.get(name, name)] for name in ("headline", *SECTIONS)}
    connection = queries.connect(snapshot, used.values())
    found = {query: queries.answer(connection, query) for query in dict.fromkeys(used.values())}
    return {name: found[query] for name, query in used.items()}


def _place(name: str) -> str:
    """The id of a section on the page."""
    return name.replace("_", "-")


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
