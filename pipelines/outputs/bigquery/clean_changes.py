"""Which changes will nobody look at any more? Those of rounds that are in the tables for a day."""

import datetime
from collections.abc import Iterator

from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.changes import COMMITS, changes_table
from pipelines.outputs.bigquery.connect import refusals
from pipelines.outputs.bigquery.current_rows import is_after
from pipelines.outputs.bigquery.fold import Position, Unfolded
from schemas.streamed import streamed

_KEPT = datetime.timedelta(days=1)
"""BigQuery may hold younger rows in a buffer, where nothing can be deleted."""
_GIVEN_UP = datetime.timedelta(days=7)
"""A round that is not whole after this never will be."""


def is_due(found: Unfolded, now: datetime.datetime) -> bool:
    """Whether there is something to clean."""
    return found.folded_at is not None and found.folded_at < _kept_from(now, _KEPT)


def clean_changes(
    client: bigquery.Client, address: Address, folded: Position, now: datetime.datetime
) -> None:
    """Delete old changes of rounds up to `folded`, then these rounds. Raises as `refusals`.

    Whole days (UTC) go, so that whole partitions do. Again, or by two at once, does no harm.
    """
    with refusals(address, "delete old changes"):
        client.query_and_wait("\n".join(_statements(address, folded, now)))


def _statements(address: Address, folded: Position, now: datetime.datetime) -> Iterator[str]:
    rounds, done = address.table(COMMITS.full_name), f"NOT {is_after(*folded)}"
    old = f"committed_at < TIMESTAMP '{_kept_from(now, _KEPT):%Y-%m-%d}'"
    given_up = f"committed_at < TIMESTAMP '{_kept_from(now, _GIVEN_UP):%Y-%m-%d}'"
    for table in streamed():
        yield (
            f"DELETE FROM `{changes_table(address, table)}` WHERE {old} AND (commit_id IN "
            f"(SELECT round.commit_id FROM `{rounds}` AS round WHERE {done}) OR ({given_up} AND "
            f"commit_id NOT IN (SELECT round.commit_id FROM `{rounds}` AS round)));"
        )
    yield f"DELETE FROM `{rounds}` AS round WHERE {old} AND {done};"


def _kept_from(now: datetime.datetime, age: datetime.timedelta) -> datetime.datetime:
    return (now - age).replace(hour=0, minute=0, second=0, microsecond=0)
