"""Do the tables of costs and capacity follow from their arithmetic and from what was measured?"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.read_docs import ROOT

DOCUMENT = ROOT / "docs" / "costs-and-capacity.md"
SCALES = ("5", "10", "200")
_FUNCTIONS = {"__builtins__": {}, "ceil": math.ceil, "max": max}
_QUOTED = re.compile(r"`([^`]+)`")
_LINKED = re.compile(r"\]\(([^)]+)\)")

Row = dict[str, str]


def rows(text: str) -> Iterator[Row]:
    """The rows of all tables with a column `name`, by the heads of their columns."""
    heads: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        cells = [cell.strip("| ") for cell in cells]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells
        elif heads[0] == "name" and not line.startswith("|---"):
            yield dict(zip(heads, cells))


def work_out(text: str, scale: str) -> Iterator[tuple[str, str, float]]:
    """(name, figure as shown, figure by its arithmetic) of the rows, for millions of events a day.

    A price has no arithmetic: it is what it shows.
    """
    known: dict[str, Any] = {"millions": int(scale)}
    for row in rows(text):
        name = row["name"].strip("`")
        shown = row[scale] if scale in row else row["value"]
        found = (
            eval(row["arithmetic"].strip("`"), dict(_FUNCTIONS), known)
            if "arithmetic" in row
            else float(shown)
        )
        assert name not in known, f"{name} is there twice"
        known[name] = found
        yield name, shown, found


def differences(text: str, scale: str) -> list[str]:
    """Figures that are not what their arithmetic gives, rounded as they are shown."""
    return [
        f"{name}: {found:,} is shown as {shown}"
        for name, shown, found in work_out(text, scale)
        if abs(found - float(shown.replace(",", ""))) > rounding(shown)
    ]


def rounding(shown: str) -> float:
    """What a figure may be off by: half of its last decimal."""
    decimals = len(shown.partition(".")[2])
    return 0.5 * 10**-decimals * (1 + 1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_every_figure_is_what_its_arithmetic_gives(scale: str) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert len(list(work_out(text, scale))) > 50
    assert not differences(text, scale)


def test_a_figure_that_drifted_is_seen() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert differences(text.replace("`115_874 / 2`", "`231_748 / 2`"), "5")


def test_what_was_measured_is_said_where_the_table_says_so() -> None:
    cells = [row.get("where it says so", "") for row in rows(DOCUMENT.read_text("utf-8"))]
    named = [cell for cell in cells if cell]
    assert len(named) > 8
    for cell in named:
        (page,) = _LINKED.findall(cell)
        for quoted in _QUOTED.findall(cell):
            assert quoted in one_line(DOCUMENT.parent / page), f"{quoted} is not in {page}"


def one_line(path: Path) -> str:
    """The text of a page without its line breaks."""
    return " ".join(path.read_text("utf-8").split())
