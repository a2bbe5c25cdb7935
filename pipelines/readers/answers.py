"""What is shown of the answers in a terminal? The first rows of each, without tiny groups."""

import polars as pl

from pipelines.readers import print_table, queries
from pipelines.readers.snapshot import Snapshot

FEWEST = 5
"""Groups of fewer visits or answers are not shown: too small to mean anything."""

_ROWS_PRINTED = 5


def print_answers(snapshot: Snapshot) -> None:
    """Print a short table per question of `sql/queries`."""
    found = queries.load_queries()
    connection = queries.connect(snapshot, found.values())
    for query in found.values():
        print(f"\n{query.number}. {query.question}")
        rows = large_enough(queries.answer(connection, query))
        print(print_table.render(rows, most=_ROWS_PRINTED), end="")


def large_enough(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of an answer whose sample is large enough; rows about one student are all kept."""
    if "student_hash" in rows.columns:
        return rows
    return rows.filter(pl.col("n") >= FEWEST)
