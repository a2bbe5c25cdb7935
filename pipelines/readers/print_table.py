"""How do rows look in a terminal? A table with cut columns, and the number of rows."""

import json
import shutil
from typing import Any

import polars as pl

WIDEST_CELL = 40
MOST_ROWS = 200
_GAP = "  "


def render(
    rows: pl.DataFrame, width: int | None = None, most: int = MOST_ROWS, widest: int = WIDEST_CELL
) -> str:
    """The first `most` rows as aligned text, `width` characters wide at most (default: terminal).

    Cells longer than `widest` end in an ellipsis; columns that do not fit are left out and named.
    The last line says how many rows there are.
    """
    room = width or shutil.get_terminal_size((120, 24)).columns
    shown = rows.head(most)
    columns = [_column(shown[name], widest) for name in rows.columns]
    fitting = _fitting([len(cells[0]) for cells in columns], room)
    lines = [_GAP.join(cells).rstrip() for cells in zip(*columns[:fitting], strict=True)]
    return "\n".join([*lines, _count(rows, fitting, most)]) + "\n"


def json_text(value: object) -> str:
    """A list or record as compact JSON; times and dates as ISO 8601."""
    plain = value.to_list() if isinstance(value, pl.Series) else value
    return json.dumps(plain, default=str, ensure_ascii=False, separators=(",", ":"))


def _column(values: pl.Series, widest: int) -> list[str]:
    cells = [values.name, *(_cell(value) for value in values)]
    cut = [cell if len(cell) <= widest else cell[: widest - 1] + "…" for cell in cells]
    size = max(len(cell) for cell in cut)
    is_number = values.dtype.is_numeric()
    head, *rest = [cell.rjust(size) if is_number else cell.ljust(size) for cell in cut]
    return [head, "-" * size, *rest]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}" if abs(value) >= 1e6 else f"{value:.6g}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, list | dict | pl.Series):
        return json_text(value)
    return " ".join(str(value).split())


def _fitting(sizes: list[int], room: int) -> int:
    used = 0
    for place, size in enumerate(sizes):
        used += size + (len(_GAP) if place else 0)
        if used > room and place:
            return place
    return len(sizes)


def _count(rows: pl.DataFrame, fitting: int, most: int) -> str:
    words = f"({rows.height} row{'' if rows.height == 1 else 's'}"
    if rows.height > most:
        words += f", the first {most} shown"
    hidden = rows.columns[fitting:]
    if hidden:
        words += f"; too wide for: {', '.join(hidden)}"
    return words + ")"
