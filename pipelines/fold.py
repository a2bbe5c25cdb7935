"""Are the changes of a stream in the tables of BigQuery? Puts them there; run it on a schedule.

Queries see the changes before that, too: folding makes them cheaper.
"""

import datetime
import sys
import uuid
from collections.abc import Sequence

from google.cloud import bigquery

from pipelines.options.flags import FlagParser
from pipelines.outputs.bigquery.address import Address, parse
from pipelines.outputs.bigquery.clean_changes import clean_changes, is_due
from pipelines.outputs.bigquery.fold import Folded, fold_changes, look
from pipelines.outputs.bigquery.turn import give_turn_back, take_turn, turn_ends
from pipelines.outputs.bigquery.warehouse import open_client
from pipelines.provision import exit_code

_WAIT_SECONDS = 600.0
"""Longer than a run that died is waited for. A run that commits has folded before."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; 0 done, 2 for wrong options or a warehouse that is not there, 1 failed."""
    given = sys.argv[1:] if argv is None else argv
    return exit_code(lambda: _run(given))


def _run(argv: Sequence[str]) -> None:
    address = parse(build_parser().parse_args(argv).warehouse)
    fold(open_client(address), address, datetime.datetime.now(datetime.UTC))


def build_parser() -> FlagParser:
    """The flags of the program."""
    parser = FlagParser(
        prog="python -m pipelines.fold",
        description=__doc__,
        epilog="Killed at any time and run again, it leaves the same tables; of two at once the "
        "second waits. Exit codes: 0 done, or nothing to do; 2 wrong options, a warehouse that is "
        "not there or no permission; 1 failed, the changes are as they were.",
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help="bq://project or bq://project.prefix")
    return parser


def fold(client: bigquery.Client, address: Address, now: datetime.datetime) -> None:
    """Fold what there is, delete changes that nobody looks at any more, and say so.

    Raises WarehouseError, BigQueryError.
    """
    found = look(client, address)
    _tell(address, _fold(client, address) if found.commits else Folded())
    if is_due(found, now):
        clean_changes(client, address, found.since, now)
        print(f"{address}: old changes deleted")


def _fold(client: bigquery.Client, address: Address) -> Folded:
    run_id = f"fold-{uuid.uuid4()}"
    take_turn(client, address, run_id, _WAIT_SECONDS)
    try:
        return fold_changes(client, address, run_id, turn_ends(address, run_id))
    finally:
        give_turn_back(client, address, run_id)


def _tell(address: Address, folded: Folded) -> None:
    for name, rows in sorted(folded.touched.items()):
        print(f"{name}: {rows.put} rows put, {rows.removed} removed")
    what = f"{folded.rounds} rounds folded" if folded.rounds else "nothing to fold"
    print(f"{address}: {what}")


if __name__ == "__main__":
    sys.exit(main())
