"""Which tables does a stream write, and what tells their rows apart?"""

from schemas.tables import Table, tables

FIRST_STAYS = frozenset({"dead_letters"})
"""Tables whose rows are never changed by a stream: of rows with the same key, the first stays."""
_NOT_DAILY = ("dead_letters", "pipeline_runs")
"""Of `ops`; the others of it are written by programs that run now and then."""
_DIMENSION = "dim_"


def streamed() -> list[Table]:
    """The tables that a stream keeps current, in the order of declaration.

    Silver, daily gold with anomalies and alerts, the dimensions, dead letters and the row of the
    run. Not the tables over ranges of days, which `pipelines.rollup` makes.
    """
    return [table for table in tables().values() if is_streamed(table)]


def is_streamed(table: Table) -> bool:
    """Whether a stream writes a table."""
    if table.layer == "gold":
        return table.partition == "date" or table.name.startswith(_DIMENSION)
    return table.layer == "silver" or table.name in _NOT_DAILY


def identity(table: Table) -> list[str]:
    """What tells rows apart: the key and the date; where the first stays, the key alone."""
    dated = table.partition is not None and table.name not in FIRST_STAYS
    return list(dict.fromkeys((*table.key, *([str(table.partition)] if dated else []))))
