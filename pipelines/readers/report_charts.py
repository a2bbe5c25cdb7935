"""How is each answer drawn? Plotly figures as plain data, with colours by role.

A colour is a role such as `@accent`: the page replaces it by the colour of the reader's mode, light
or dark. Texts of the catalogue are escaped, as Plotly reads tags in labels.
"""

import dataclasses
import datetime
import html
from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.readers.answers import FEWEST

MOST_BARS = 20
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Figure = dict[str, Any]

_ROW_PIXELS = 44
_FRAME_PIXELS = 70
_LONGEST_LABEL = 22


@dataclasses.dataclass(frozen=True)
class Chart:
    """Figures under one heading, the rows they show, and what was left out, in words."""

    figures: list[Figure]
    rows: pl.DataFrame
    notes: list[str]


def time_per_chapter(rows: pl.DataFrame) -> Chart:
    """Bars: hours per chapter."""
    shown, notes = _enough(rows, "chapter", "visits")
    hover = "%{x:.1f} h in all<br>%{customdata:.1f} min a visit"
    figure = _bars(shown, shown["hours"], shown["minutes_per_visit"], hover, "hours")
    return Chart([figure], shown, notes)


def time_by_hour(rows: pl.DataFrame) -> Chart:
    """Heat map: hours spent by weekday and hour of the day."""
    shown, notes = _enough(rows, "hour of the week", "visits", most=None)
    cells = {(row["hour"], row["weekday"]): row for row in shown.to_dicts()}
    grid = [[cells.get((hour, day)) for day in range(1, 8)] for hour in range(24)]
    trace = {
        "type": "heatmap",
        "x": WEEKDAYS,
        "y": [f"{hour:02d}" for hour in range(24)],
        "z": [[cell and cell["hours"] for cell in line] for line in grid],
        "customdata": [[cell and cell["n"] for cell in line] for line in grid],
        "hovertemplate": "%{x} %{y}:00<br>%{z:.1f} h<br>n=%{customdata} visits<extra></extra>",
        "colorscale": [[0, "@cool"], [1, "@accent"]],
        "hoverongaps": False,
        "xgap": 2,
        "ygap": 2,
        "zmin": 0,
        "zmax": shown["hours"].max(),
        "colorbar": {"title": {"text": "hours"}, "thickness": 10, "outlinewidth": 0},
    }
    axis = {"type": "category", "autorange": "reversed", "dtick": 3, "showgrid": False}
    layout = {"height": 520, "yaxis": axis, "xaxis": {"showgrid": False, "side": "top"}}
    notes.append("An empty cell: no visit started then, or too few.")
    return Chart([{"data": [trace], "layout": layout}], shown, notes)


def time_distribution(rows: pl.DataFrame) -> Chart:
    """Box plots: minutes per visit, exact quartiles, whiskers at the 5th and 95th percentile."""
    shown, notes = _enough(rows, "chapter", "visits")
    trace = {
        "type": "box",
        "orientation": "h",
        "y": list(range(shown.height)),
        "lowerfence": shown["p5"].to_list(),
        "q1": shown["p25"].to_list(),
        "median": shown["median"].to_list(),
        "q3": shown["p75"].to_list(),
        "upperfence": shown["p95"].to_list(),
        "marker": {"color": "@accent"},
        "fillcolor": "@cool",
        "hoverinfo": "x",
        "hoverlabel": {"namelength": 0},
        "xhoverformat": ".1f",
    }
    notes.append("Box: 25th, 50th and 75th percentile. Whiskers: 5th and 95th.")
    return Chart([_rows_figure([trace], shown, "minutes a visit")], shown, notes)


def average_and_median(rows: pl.DataFrame) -> Chart:
    """Dots: average against median; far apart means that a few long visits make the average."""
    shown, notes = _enough(rows, "chapter", "visits")
    places = list(range(shown.height))
    gaps = [value for row in shown.to_dicts() for value in (row["median"], row["average"], None)]
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": gaps,
        "y": [place for place in places for _ in range(3)],
        "line": {"color": "@muted", "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    dots = [
        _dots(name, shown[name].to_list(), places, colour)
        for name, colour in (("median", "@accent"), ("average", "@second"))
    ]
    figure = _rows_figure([line, *dots], shown, "minutes a visit")
    figure["layout"] |= {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"},
    }
    return Chart([figure], shown, notes)


def drop_off(rows: pl.DataFrame) -> Chart:
    """Bars: share of the visits that scrolled less than half and did not complete."""
    shown, notes = _enough(rows, "chapter", "visits of known depth")
    hover = "%{x:.0%} dropped off<br>%{customdata} visits"
    figure = _bars(shown, shown["drop_off_rate"], shown["drop_offs"], hover, "share of visits")
    figure["layout"]["xaxis"] |= {"tickformat": ".0%"}
    return Chart([figure], shown, notes)


def course_visits(rows: pl.DataFrame) -> Chart:
    """Three small bar charts: minutes a visit (median), drop-off rate, completion rate."""
    shown, notes = _enough(rows, "course", "visits")
    parts = [
        ("median_minutes", "n", "%{x:.1f} min, n=%{customdata}", "median minutes a visit"),
        ("drop_off_rate", "drop_off_n", "%{x:.0%}, n=%{customdata}", "drop-off rate"),
        ("completion_rate", "completion_n", "%{x:.0%}, n=%{customdata}", "completion rate"),
    ]
    figures = []
    for column, sample, hover, title in parts:
        values = _where_enough(shown, column, sample)
        figure = _bars(shown, values, shown[sample], hover, title)
        figure["layout"]["xaxis"] |= {} if column == parts[0][0] else {"tickformat": ".0%"}
        figures.append(figure)
    return Chart(figures, shown, notes)


def active_students(rows: pl.DataFrame) -> Chart:
    """Line: students with an event, per day; days without any event are zero."""
    days = {row["date"]: row["dau"] for row in rows.to_dicts()}
    first, last = min(days), max(days)
    dates = [first + datetime.timedelta(days=n) for n in range((last - first).days + 1)]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [day.isoformat() for day in dates],
        "y": [days.get(day, 0) for day in dates],
        "line": {"color": "@accent", "width": 2},
        "marker": {"color": "@accent", "size": 6},
        "hovertemplate": "%{x|%a %d %b %Y}<br>%{y} students<extra></extra>",
    }
    layout = {
        "height": 300,
        "yaxis": {"rangemode": "tozero", "title": {"text": "students"}, "tickformat": ",d"},
        "xaxis": {"type": "date", "showgrid": False, "nticks": 6},
    }
    return Chart([{"data": [trace], "layout": layout}], rows, [])


def hardest_questions(rows: pl.DataFrame) -> Chart:
    """Bars: share of wrong answers per question, hardest first."""
    shown, notes = _enough(rows, "question", "answers")
    named = shown.rename({"quiz": "course", "question": "chapter"})
    hover = "%{x:.0%} wrong<br>%{customdata} wrong answers"
    figure = _bars(named, shown["wrong_rate"], shown["wrong"], hover, "share of answers")
    figure["layout"]["xaxis"] |= {"tickformat": ".0%"}
    return Chart([figure], shown, notes)


def _enough(
    rows: pl.DataFrame, what: str, sample: str, most: int | None = MOST_BARS
) -> tuple[pl.DataFrame, list[str]]:
    enough = rows.filter(pl.col("n") >= FEWEST)
    shown = enough.head(most) if most else enough
    notes = []
    if small := rows.height - enough.height:
        groups = f"{small} {what}{'s' if small > 1 and ' ' not in what else ''}"
        notes.append(f"Left out: {groups} with fewer than {FEWEST} {sample}.")
    if enough.height > shown.height:
        notes.append(f"The first {shown.height} of {enough.height}.")
    return shown, notes


def _where_enough(rows: pl.DataFrame, column: str, sample: str) -> pl.Series:
    chosen = pl.when(pl.col(sample) >= FEWEST).then(pl.col(column))
    return rows.select(chosen.alias(column))[column]


def _bars(
    rows: pl.DataFrame, values: pl.Series, details: pl.Series, hover: str, title: str
) -> Figure:
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values.to_list(),
        "y": list(range(rows.height)),
        "customdata": details.to_list(),
        "hovertemplate": f"{hover}<extra></extra>",
        "marker": {"color": "@accent"},
    }
    return _rows_figure([trace], rows, title)


def _dots(name: str, values: Sequence[float], places: list[int], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": values,
        "y": places,
        "marker": {"color": colour, "size": 11},
        "hovertemplate": f"{name} %{{x:.1f}} min<extra></extra>",
    }


def _rows_figure(traces: list[dict[str, Any]], rows: pl.DataFrame, title: str) -> Figure:
    axis = {
        "tickvals": list(range(rows.height)),
        "ticktext": [_label(row) for row in rows.to_dicts()],
        "range": [rows.height - 0.4, -0.6],
        "showgrid": False,
        "zeroline": False,
    }
    layout = {
        "height": _ROW_PIXELS * rows.height + _FRAME_PIXELS,
        "bargap": 0.45,
        "xaxis": {"title": {"text": title}, "nticks": 5, "rangemode": "tozero"},
        "yaxis": axis,
    }
    return {"data": traces, "layout": layout}


def _label(row: dict[str, Any]) -> str:
    name, small = row["course"], f"n={row['n']:,}"
    if "chapter" in row:
        name, small = row["chapter"], f"{_cut(row['course'], 14)} · {small}"
    return f'{_cut(name)}<br><span style="font-size:11px">{small}</span>'


def _cut(text: str, longest: int = _LONGEST_LABEL) -> str:
    plain = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    return html.escape(plain)
