"""Who may commit now? One run at a time: it holds a row of `ops`, for a while."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.cloud import bigquery

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.connect import BigQueryError, refusals
from pipelines.outputs.bigquery.describe_tables import TURN
from pipelines.outputs.bigquery.statements import add_first_row, or_fail
from pipelines.readers.snapshot import WarehouseError

TURN_SECONDS = 300
"""A run that lives takes its turn again before; one that died is waited for so long."""
_AGAIN_SECONDS = 60.0
WAIT_SECONDS = 3600
_PAUSE_SECONDS = 5.0
_TAKEN = "another run took the turn to commit"
_LOG = logging.getLogger("chapterflow")


def make_turn(client: bigquery.Client, address: Address) -> None:
    """Put the row into the table of the turn, if it is not there."""
    nobody = {"holder": "CAST(NULL AS STRING)", "until_at": "CURRENT_TIMESTAMP()"}
    sql = add_first_row(address.table(f"ops.{TURN}"), nobody)
    _change(client, address, sql, "prepare the turn to commit")


def take_turn(
    client: bigquery.Client,
    address: Address,
    run_id: str,
    wait_seconds: float = WAIT_SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until no other run commits, and hold the turn. Raises BigQueryError after the wait.

    The statement changes the row or does not: of two runs at once, one gets it. Who waits only
    looks, since a change under way could make the commit of the other fail.
    """
    waited = 0.0
    while True:
        row = _look(client, address, run_id)
        if row.is_free and _try_to_take(client, address, run_id):
            return
        if waited >= wait_seconds:
            raise BigQueryError(
                f"{address}: run {row.holder} commits until {row.until_at:%H:%M:%S} UTC at the "
                "latest; run this again after it"
            )
        if not waited:
            _LOG.warning("%s: run %s commits, waiting for it", address, row.holder)
        pause(_PAUSE_SECONDS)
        waited += _PAUSE_SECONDS


@contextmanager
def keeping_turn(client: bigquery.Client, address: Address, run_id: str) -> Iterator[None]:
    """Take the turn again and again while something takes its time."""
    is_over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(client, address, run_id, is_over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def give_turn_back(client: bigquery.Client, address: Address, run_id: str) -> None:
    """Let others commit, after a run that did not."""
    table = _table(address)
    sql = f"UPDATE {table} SET holder = NULL WHERE holder = '{run_id}'"
    _change(client, address, sql, "give the turn to commit back")


def turn_ends(address: Address, run_id: str) -> str:
    """Statements of a transaction: it ends the turn, and fails if the run has it no longer.

    As it changes the row, no other run takes the turn while the transaction is under way.
    """
    ending = f"UPDATE {_table(address)} SET holder = NULL WHERE holder = '{run_id}'"
    return or_fail(ending, _TAKEN)


def turn_goes_on(address: Address, run_id: str) -> str:
    """Statements of a transaction: as `turn_ends`, but the turn is the run's for longer."""
    return or_fail(_taking(address, run_id, f"holder = '{run_id}'"), _TAKEN)


def _keep(client: bigquery.Client, address: Address, run_id: str, is_over: threading.Event) -> None:
    while not is_over.wait(_AGAIN_SECONDS):
        try:
            _try_to_take(client, address, run_id)
        except (BigQueryError, WarehouseError) as error:
            _LOG.warning("%s", error)


def _try_to_take(client: bigquery.Client, address: Address, run_id: str) -> bool:
    sql = _taking(address, run_id, _free(run_id))
    return bool(_change(client, address, sql, "take the turn to commit"))


def _taking(address: Address, run_id: str, where: str) -> str:
    return (
        f"UPDATE {_table(address)} SET holder = '{run_id}', "
        f"until_at = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {TURN_SECONDS} SECOND) "
        f"WHERE {where}"
    )


def _change(client: bigquery.Client, address: Address, sql: str, what: str) -> int:
    with refusals(address, what):
        job = client.query(sql)
        job.result()
        return job.num_dml_affected_rows or 0


def _look(client: bigquery.Client, address: Address, run_id: str) -> bigquery.Row:
    sql = f"SELECT holder, until_at, {_free(run_id)} AS is_free FROM {_table(address)}"
    with refusals(address, "see which run commits"):
        rows = list(client.query_and_wait(sql))
    if not rows:
        raise WarehouseError(
            f"{address} has no turn to commit: python -m pipelines.provision --warehouse={address}"
        )
    return rows[0]


def _free(run_id: str) -> str:
    return f"(holder IS NULL OR holder = '{run_id}' OR until_at < CURRENT_TIMESTAMP())"


def _table(address: Address) -> str:
    return f"`{address.table(f'ops.{TURN}')}`"
