"""How do the changes of a stream get into the tables? In one transaction, under the turn to commit.

First it is looked up what there is to do, up to which round, and which dates it touches. The
transaction does just that, moves the position behind it, and fails if the rounds are others than
those that were looked at. So it is made once, whoever dies or comes again.
"""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.changes import COMMITS, POSITION
from pipelines.outputs.bigquery.connect import BigQueryError, refusals
from pipelines.outputs.bigquery.current_rows import (
    is_after,
    newest_changes,
    rounds_between,
    same_row,
)
from pipelines.outputs.bigquery.load import run_once
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.outputs.bigquery.statements import (
    add_first_row,
    add_rows_of,
    of_dates,
    or_fail,
    transaction,
)
from pipelines.readers.snapshot import WarehouseError
from schemas.streamed import FIRST_STAYS, streamed
from schemas.tables import Table

Position = tuple[int, int]
"""Epoch and number of a round."""
_TRIES = 3
_EARLIER = datetime.timedelta(days=1)
"""A change has the time of its round; so much more of the changes is looked at, to be sure."""


@dataclass(frozen=True)
class Unfolded:
    """Rounds that are whole and not in the tables: after `since`, the last is `until`.

    `commits`: how many. `first_at`: time of the oldest. `folded_at`: time of the oldest round that
    is in the tables and still known, None without any.
    """

    since: Position
    until: Position
    commits: int
    first_at: datetime.datetime | None
    folded_at: datetime.datetime | None


@dataclass
class Touched:
    """Of a table: rows put, rows removed, and the dates of both."""

    put: int = 0
    removed: int = 0
    dates: set[datetime.date] = field(default_factory=set)


@dataclass(frozen=True)
class Folded:
    """What came of it: how many rounds are in the tables now, and what it did to which table."""

    rounds: int = 0
    touched: Mapping[str, Touched] = field(default_factory=dict)


def make_position(client: bigquery.Client, address: Address) -> None:
    """Put the row into the table of the position, if it is not there."""
    start = dict.fromkeys(("epoch", "folded_epoch", "folded_number"), "0")
    sql = add_first_row(address.table(POSITION.full_name), start)
    with refusals(address, "prepare the position of streams"):
        client.query_and_wait(sql)


def look(client: bigquery.Client, address: Address) -> Unfolded:
    """What there is to fold. Two small queries. Raises as `refusals`."""
    position, commits = (address.table(table.full_name) for table in (POSITION, COMMITS))
    sql = f"SELECT folded_epoch, folded_number FROM `{position}`"
    found = rows_of(client, address, sql, "see which changes are in the tables").rows()
    if not found:
        raise WarehouseError(
            f"{address} has no position of streams: "
            f"python -m pipelines.provision --warehouse={address}"
        )
    epoch, number = found[0]
    sql = (
        f"SELECT {is_after(epoch, number)} AS is_new, round.epoch AS epoch, "
        "MAX(round.number) AS number, COUNT(DISTINCT round.commit_id) AS commits, "
        "MIN(round.committed_at) AS first_at "
        f"FROM `{commits}` AS round GROUP BY is_new, epoch"
    )
    rounds = rows_of(client, address, sql, "see which changes there are").rows(named=True)
    new = [row for row in rounds if row["is_new"]]
    return Unfolded(
        (epoch, number),
        max(((row["epoch"], row["number"]) for row in new), default=(epoch, number)),
        sum(row["commits"] for row in new),
        min((row["first_at"] for row in new), default=None),
        min((row["first_at"] for row in rounds if not row["is_new"]), default=None),
    )


def fold_changes(client: bigquery.Client, address: Address, run_id: str, first: str) -> Folded:
    """Put what there is into the tables, by the run that has the turn; what was done.

    `first`: statements for the beginning, which fail when the run has the turn no longer. Tried
    again when a process of a stream starts or commits just then. Raises as `refusals`.
    """
    for _ in range(_TRIES - 1):
        try:
            return _fold_once(client, address, run_id, first)
        except BigQueryError:
            continue
    return _fold_once(client, address, run_id, first)


def _fold_once(client: bigquery.Client, address: Address, run_id: str, first: str) -> Folded:
    found = look(client, address)
    if not found.commits:
        return Folded()
    touched = _touched(client, address, found)
    sql = transaction([first, *_statements(address, found, touched)])
    epoch, number = found.until
    with refusals(address, "fold the changes of the stream into the tables"):
        job = run_once(
            client,
            f"{run_id}-fold-{epoch}-{number}",
            lambda job_id: client.query(sql, job_id=job_id, job_retry=None),
        )
        job.result()
    return Folded(found.commits, touched)


def _touched(client: bigquery.Client, address: Address, found: Unfolded) -> dict[str, Touched]:
    """What is to be done to which table, by full name; tables without changes are left out."""
    counts = "\nUNION ALL\n".join(_count(address, table, found) for table in streamed())
    touched: dict[str, Touched] = {}
    for name, date, put, removed in rows_of(client, address, counts, "count the changes").rows():
        of_table = touched.setdefault(name, Touched())
        of_table.put += put
        of_table.removed += removed
        of_table.dates |= {date} - {None}
    return touched


def _count(address: Address, table: Table, found: Unfolded) -> str:
    date = f"`{table.partition}`" if table.partition else "CAST(NULL AS DATE)"
    return (
        f"SELECT '{table.full_name}' AS name, {date} AS date, COUNTIF(NOT is_deleted) AS put, "
        f"COUNTIF(is_deleted) AS removed FROM (\n{_newest(address, table, found)}\n) GROUP BY date"
    )


def _newest(address: Address, table: Table, found: Unfolded) -> str:
    """A constant time, so that BigQuery looks at the partitions of these rounds only."""
    assert found.first_at is not None
    first = f"{found.first_at - _EARLIER:%Y-%m-%d %H:%M:%S}+00"
    return newest_changes(
        address,
        table,
        rounds_between(address, found.since, found.until),
        f"changed.committed_at >= TIMESTAMP '{first}'",
    )


def _statements(address: Address, found: Unfolded, touched: Mapping[str, Touched]) -> Iterator[str]:
    yield _nothing_else(address, found)
    for table in streamed():
        if table.full_name in touched:
            yield from put_changes(address, table, found, touched[table.full_name])
    (old_epoch, old_number), (epoch, number) = found.since, found.until
    yield or_fail(
        f"UPDATE `{address.table(POSITION.full_name)}` "
        f"SET folded_epoch = {epoch}, folded_number = {number} "
        f"WHERE folded_epoch = {old_epoch} AND folded_number = {old_number}",
        "others have folded these changes",
    )


def _nothing_else(address: Address, found: Unfolded) -> str:
    """An older process may have ended a round of its own since it was looked."""
    rounds = rounds_between(address, found.since, found.until)
    return (
        f"IF (SELECT COUNT(*) FROM ({rounds})) != {found.commits} "
        "THEN RAISE USING MESSAGE = 'other rounds came in between'; END IF;"
    )


def put_changes(address: Address, table: Table, found: Unfolded, touched: Touched) -> Iterator[str]:
    """Statements of a transaction that lay the changes of a table over its rows."""
    here, newest = address.table(table.full_name), _newest(address, table, found)
    same = same_row(table, "stored", "latest")
    if table.name in FIRST_STAYS:
        there = f"SELECT 1 FROM `{here}` AS stored WHERE {same}"
        yield add_rows_of(here, table, f"(\n{newest}\n) AS latest WHERE NOT EXISTS ({there})")
        return
    changed = f"SELECT 1 FROM (\n{newest}\n) AS latest WHERE {same}"
    dates = of_dates(table, touched.dates)
    yield f"DELETE FROM `{here}` AS stored WHERE {dates} AND EXISTS ({changed});"
    if touched.put:
        yield add_rows_of(here, table, f"(\n{newest}\n) WHERE NOT is_deleted")
