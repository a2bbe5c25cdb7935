"""What surrounds the charts? One page without anything from elsewhere, light or dark."""

import datetime
import html
import json
from typing import Any

import polars as pl
from plotly.offline import get_plotlyjs

from pipelines.readers.report_charts import WEEKDAYS, Chart

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1c2430;
  --muted: #667085; --line: #e4e7ec; --accent: #2563a8; --second: #c2571a; --cool: #dbe7f4; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #1a2029; --text: #e6e9ee;
  --muted: #98a2b3; --line: #303846; --accent: #6cb0f5; --second: #f39c5f; --cool: #223449; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0 0; } h2 { font-size: 1.15rem; margin: 0; }
p { margin: .25rem 0; } .muted, .notes { color: var(--muted); font-size: .875rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  margin: 1rem 0; padding: 1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 1rem 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .6rem .9rem; }
dt { color: var(--muted); font-size: .8rem; } dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
.chart { width: 100%; overflow: hidden; }
details { margin-top: .5rem; } summary { cursor: pointer; color: var(--muted); }
.rows { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left;
  white-space: nowrap; } .number { text-align: right; font-variant-numeric: tabular-nums; }
"""

_SCRIPT = """
const figures = JSON.parse(document.getElementById('figures').textContent);
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const colour = (role) =>
  getComputedStyle(document.documentElement).getPropertyValue('--' + role).trim();
function paint(value) {
  if (typeof value === 'string' && value[0] === '@') return colour(value.slice(1));
  if (Array.isArray(value)) return value.map(paint);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, paint(inner)]));
}
function layout(own) {
  const axis = {automargin: true, fixedrange: true, tickangle: 0, gridcolor: '@line',
    linecolor: '@line', zerolinecolor: '@line'};
  return paint({autosize: true, showlegend: false, dragmode: false, paper_bgcolor: '@card',
    plot_bgcolor: '@card', font: {color: '@text', family: 'system-ui, sans-serif', size: 13},
    hoverlabel: {bgcolor: '@page', bordercolor: '@line', font: {color: '@text'}},
    margin: {l: 8, r: 12, t: 24, b: 40}, ...own,
    xaxis: {...axis, ...own.xaxis}, yaxis: {...axis, ...own.yaxis}});
}
function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    Plotly.react(id, paint(figure.data), layout(figure.layout),
      {responsive: true, displayModeBar: false});
  }
}
draw();
dark.addEventListener('change', draw);
"""


def section(name: str, title: str, chart: Chart | None) -> str:
    """A heading, a place per figure, what was left out, and the numbers as a table."""
    head = f'<section id="{name}"><h2>{html.escape(title)}</h2>'
    if chart is None or chart.rows.is_empty():
        words = "".join(f"<p>{html.escape(note)}</p>" for note in (chart.notes if chart else []))
        return f'{head}<p class="muted">No data for this question yet.</p>{words}</section>'
    places = "".join(
        f'<div class="chart" id="{_place(name, n)}" role="img" '
        f'aria-label="{html.escape(title)} The numbers follow as a table."></div>'
        for n in range(len(chart.figures))
    )
    notes = " ".join(html.escape(note) for note in chart.notes)
    numbers = f"<details><summary>The numbers</summary>{_table(chart.rows)}</details>"
    return f'{head}{places}<p class="notes">{notes}</p>{numbers}</section>'


def headline(numbers: dict[str, Any]) -> str:
    """The numbers of all days together, as tiles."""
    tiles = {
        "Students": f"{numbers['students']:,}",
        "Active a day, mean": f"{numbers['students_per_day']:,.1f}",
        "Sessions": f"{numbers['sessions']:,}",
        "Hours in sessions": f"{numbers['hours']:,.0f}",
        "Chapter visits": f"{numbers['visits'] or 0:,}",
    }
    inner = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles.items())
    return f"<p>{numbers['first_date']} to {numbers['last_date']}</p><dl>{inner}</dl>"


def page(body: str, charts: dict[str, Chart], written_at: datetime.datetime) -> str:
    """The whole page. Without charts it holds no script."""
    figures = {
        _place(name, n): figure
        for name, chart in charts.items()
        if not chart.rows.is_empty()
        for n, figure in enumerate(chart.figures)
    }
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How students learn</title><style>{_STYLE}</style></head>\n"
        f'<body><h1>How students learn</h1>{body}<p class="muted">Written '
        f"{written_at:%Y-%m-%d %H:%M} UTC by chapterflow.</p>{_scripts(figures)}</body></html>\n"
    )


def _scripts(figures: dict[str, Any]) -> str:
    if not figures:
        return ""
    # No text of the data may end the script element early.
    data = json.dumps(figures, default=str).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="figures">{data}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n<script>{_SCRIPT}</script>\n"
    )


def _place(name: str, number: int) -> str:
    return f"{name}-{number}"


def _table(rows: pl.DataFrame) -> str:
    head = "".join(_cell("th", name.replace("_", " "), rows[name]) for name in rows.columns)
    lines = (
        "".join(_cell("td", _text(name, row[name]), rows[name]) for name in rows.columns)
        for row in rows.to_dicts()
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="rows"><table><tr>{head}</tr>{body}</table></div>'


def _cell(tag: str, text: str, values: pl.Series) -> str:
    kind = ' class="number"' if values.dtype.is_numeric() else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "weekday":
        return WEEKDAYS[value - 1]
    if isinstance(value, float):
        return f"{value:.1%}" if name.endswith("_rate") else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
