"""What does every table and column mean? Renders `docs/dictionary.md`."""

from collections.abc import Iterable

from schemas.kinds import Kind, kind
from schemas.tables import LAYERS, Column, Table

_INTRO = """# Data dictionary

Made by `python -m schemas.generate` from `schemas/`; do not edit. Names are the same in BigQuery
and in the local warehouse. Times are UTC with microseconds, dates and hours are those of the
reporting time zone, `_seconds` are doubles, counts are 64-bit integers. A column is never null
unless its type says so; a list that may be null is empty in BigQuery. Sensitive columns are about
one student, or can hold personal data: BigQuery gives them a policy tag.

Two names are views when queried: `silver.question_attempts` adds `attempt_number` (per student,
quiz and question, over all history), and `silver.video_events` gives the `video_*` events of
`silver.events` with `position_seconds`, `video_duration_seconds`, `playback_rate`, `video_quality`
and `buffer_health_seconds` out of their metadata.
"""
_LAYER_WORDS = {
    "silver": "Facts about one student: events, sessions, visits.",
    "gold": "Figures for analysts, dashboards and models.",
    "ops": "What runs did, and what they could not use.",
}


def render(tables: Iterable[Table]) -> str:
    """The dictionary of `tables` as Markdown, by layer, then in the order given."""
    tables = list(tables)
    parts = [_INTRO]
    for layer in LAYERS:
        parts.append(f"## {layer}\n\n{_LAYER_WORDS[layer]}\n")
        parts.extend(_table(table) for table in tables if table.layer == layer)
    return "\n".join(parts)


def _table(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    partition = f"`{table.partition}`" if table.partition else "none"
    head = (
        f"### {table.full_name}\n\n{table.grain[0].upper()}{table.grain[1:]}.\n\n"
        f"Key: {key}. Partition: {partition}.\n\n"
        "| column | type | description | sensitive |\n|---|---|---|---|\n"
    )
    return head + "".join(_row(column) for column in table.columns)


def _row(column: Column) -> str:
    description = column.description.replace("|", "\\|")
    sensitive = "yes" if column.is_sensitive else ""
    return f"| `{column.name}` | {_words(kind(column.type))} | {description} | {sensitive} |\n"


def _words(what: Kind) -> str:
    inner = ", ".join(f"{name} {_words(field)}" for name, field in what.fields)
    word = f"record ({inner})" if inner else {"json": "JSON text"}.get(what.word, what.word)
    listed = f"list of {word}" if what.is_list else word
    return f"{listed} or null" if what.is_nullable else listed
