"""What does a stream append to, and how is one change later than another? Names, said once.

Each table that a stream writes has a table of its changes, and a view of its rows as they are now.

A round of a stream is the changes of all tables with one new `commit_id`, and then, when all of
them were acknowledged, one row of `ops.stream_commits` with that id. Changes whose id is not there
are seen by nobody. Of the changes of a row the one with the largest (epoch, number, revision)
counts; those up to (folded_epoch, folded_number) of `ops.stream_position` are in the table itself
and are looked at no more. So epochs are counted for the warehouse, not for each run: once a
process has raised the epoch, what others commit with an older one may never be seen.
"""

import dataclasses
import datetime

from pipelines.outputs.bigquery.address import Address
from schemas.streamed import identity, is_streamed, streamed
from schemas.tables import Column, Table

__all__ = [
    "CHANGE_COLUMNS",
    "COMMITS",
    "INTERNAL",
    "POSITION",
    "changes_of",
    "changes_table",
    "current_view",
    "identity",
    "is_streamed",
    "streamed",
]

_COMMITTED_AT = "committed_at"
CHANGE_COLUMNS = (
    Column("is_deleted", bool, "The row is gone; only what tells it apart is sure to be set."),
    Column("revision", int, "Order of changes of a row within a round: the largest counts."),
    Column("commit_id", str, "Round of the change: it counts once ops.stream_commits has it."),
    Column(
        _COMMITTED_AT,
        datetime.datetime,
        "When the round was put together, as ops.stream_commits says it (UTC).",
    ),
)
"""What a change has besides the columns of its table."""

COMMITS = Table(
    "ops",
    "stream_commits",
    "one row per round of a stream that is whole",
    ("commit_id",),
    _COMMITTED_AT,
    (
        Column("commit_id", str, "UUID of the round, new each time it is tried."),
        Column("epoch", int, "Number of the process among all that have committed, from 1."),
        Column("number", int, "Number of the round in its process, from 1."),
        Column("run_id", str, "Run of the stream."),
        Column(_COMMITTED_AT, datetime.datetime, "When the round was put together (UTC)."),
    ),
)
POSITION = Table(
    "ops",
    "stream_position",
    "one row: who commits changes, and how far they are in the tables",
    (),
    None,
    (
        Column("epoch", int, "Number of the newest process that commits; 0 before the first."),
        Column("holder", str | None, "Run of that process; null before the first."),
        Column("folded_epoch", int, "Changes up to this epoch and …"),
        Column("folded_number", int, "… this round of it are in the tables."),
    ),
)
INTERNAL = (COMMITS, POSITION)


def changes_of(table: Table) -> Table:
    """The description of the table of changes of a table: one row per change of one of its rows.

    Columns that do not tell rows apart may be null. Its partition is `committed_at`.
    """
    apart = identity(table)
    columns = tuple(c if c.name in apart else _nullable(c) for c in table.columns)
    return Table(
        table.layer,
        f"{table.name}_changes",
        f"one row per change by a stream of a row of {table.full_name}",
        # Readers ask for dates: so these come first.
        tuple(sorted(apart, key=lambda name: name != table.partition)),
        _COMMITTED_AT,
        columns + CHANGE_COLUMNS,
    )


def changes_table(address: Address, table: Table) -> str:
    """Whole name of the table of changes of a table."""
    return address.table(changes_of(table).full_name)


def current_view(address: Address, table: Table) -> str:
    """Whole name of the view of a table's rows as they are now."""
    return address.current(table.full_name)


def _nullable(column: Column) -> Column:
    is_list = str(column.type).startswith("list[")
    return column if is_list else dataclasses.replace(column, type=column.type | None)
