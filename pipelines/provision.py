"""Are the tables of BigQuery there? Makes them from the schemas, or adds what they lack."""

import argparse
import sys
from collections.abc import Callable, Sequence

from google.cloud import bigquery

from pipelines.options.batch_options import fail
from pipelines.options.flags import FlagParser, UsageError
from pipelines.outputs.bigquery.address import Address, parse
from pipelines.outputs.bigquery.connect import BigQueryError, connect, refusals
from pipelines.outputs.bigquery.describe_tables import Choices
from pipelines.outputs.bigquery.fold import make_position
from pipelines.outputs.bigquery.plan import Plan, plan
from pipelines.outputs.bigquery.turn import make_turn
from pipelines.readers.snapshot import WarehouseError
from schemas import tables


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; 0 done, 2 for wrong options or an incompatible table, 1 failed."""
    given = sys.argv[1:] if argv is None else argv
    return exit_code(lambda: _provision(build_parser().parse_args(given)))


def exit_code(program: Callable[[], None]) -> int:
    """Run what needs BigQuery; its exit code, after one line on standard error if it is not 0."""
    try:
        program()
    except (UsageError, WarehouseError) as error:
        return fail(str(error))
    except BigQueryError as error:
        return fail(str(error), 1)
    return 0


def build_parser() -> FlagParser:
    """The flags of the program."""
    parser = FlagParser(
        prog="python -m pipelines.provision",
        description=__doc__,
        epilog="Nothing is ever dropped. Exit codes: 0 done, 2 wrong options or a table that "
        "cannot become what it should be, 1 failed.",
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help="bq://project or bq://project.prefix")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be done")
    parser.add_argument("--location", help="of datasets that are made, such as EU (default: US)")
    parser.add_argument(
        "--partition_expiration_days",
        type=_days,
        action="append",
        metavar="[LAYER=]DAYS",
        help="partitions older than this are removed by BigQuery; can be repeated",
    )
    parser.add_argument(
        "--policy_tag",
        type=_tag,
        action="append",
        metavar="[COLUMN=]NAME",
        help="resource name of the policy tag of sensitive columns, "
        "projects/…/taxonomies/…/policyTags/…; can be repeated",
    )
    parser.add_argument("--label", type=_label, action="append", metavar="NAME=VALUE",
                        help="of datasets and tables; can be repeated")  # fmt: skip
    return parser


def _provision(options: argparse.Namespace) -> None:
    address = parse(options.warehouse)
    client = connect(address.project, options.location)
    found = plan(client, address, _choices(options), options.location)
    if found.conflicts:
        raise WarehouseError(
            f"{address} cannot hold these rows, nothing was changed: {'; '.join(found.conflicts)}; "
            "copy what is there elsewhere, drop it, and provision again"
        )
    for step in found.steps:
        print(step.words, flush=True)
    if not options.dry_run:
        _make(client, address, found)
    done = "to do, nothing was changed" if options.dry_run else "done"
    print(f"{address}: {len(found.steps)} changes {done}")


def _make(client: bigquery.Client, address: Address, found: Plan) -> None:
    for step in found.steps:
        with refusals(address, step.words):
            step.make(client)
    make_turn(client, address)
    make_position(client, address)


def _choices(options: argparse.Namespace) -> Choices:
    expiration: dict[str, float] = {}
    for layer, days in options.partition_expiration_days or ():
        expiration |= dict.fromkeys([layer] if layer else tables.LAYERS, days)
    return Choices(dict(options.policy_tag or ()), expiration, dict(options.label or ()))


def _days(text: str) -> tuple[str, float]:
    layer, _, days = text.rpartition("=")
    if layer not in ("", *tables.LAYERS):
        message = f"{layer} is none of {', '.join(tables.LAYERS)}"
        raise argparse.ArgumentTypeError(message)
    if not days.isdigit() or int(days) < 1:
        raise argparse.ArgumentTypeError(f"{days} is no whole number of days")
    return layer, int(days)


def _tag(text: str) -> tuple[str, str]:
    column, _, name = text.rpartition("=")
    parts = name.split("/")
    if parts[::2] != ["projects", "locations", "taxonomies", "policyTags"] or len(parts) != 8:
        raise argparse.ArgumentTypeError(
            f"{name} is no policy tag: projects/P/locations/L/taxonomies/T/policyTags/N"
        )
    return column, name


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"a label is NAME=VALUE, not {text}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
