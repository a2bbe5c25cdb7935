"""Is what the warehouse holds sound? Runs the named data checks and keeps their results."""

import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines import VERSION
from pipelines.batch import exit_code
from pipelines.models.checks import Result, own_checks, run_checks
from pipelines.models.places import Place, open_place
from pipelines.models.run_models import Engine
from pipelines.models.sql_models import SQL
from pipelines.options import flags
from pipelines.options.batch_options import fail
from pipelines.options.flags import FlagParser, UsageError
from pipelines.outputs.describe_run import Run, new_run_id
from schemas import tables

_AS_OF = "as_of_date"
_FAILED = "the checks could not be run, no result is kept"


def main(arguments: Sequence[str] | None = None, sql: Path = SQL) -> int:
    """Run the program; 0 done, 2 wrong options or no warehouse, 1 failed or a check did not pass.

    `sql`: folder of the checks.
    """
    failed: list[Result] = []
    argv = sys.argv[1:] if arguments is None else arguments
    code = exit_code(lambda: failed.extend(_run(argv, sql)), _FAILED)
    return code or (1 if failed else 0)


def _run(argv: Sequence[str], sql: Path) -> list[Result]:
    options = build_parser().parse_args(list(argv))
    results = check_warehouse(options.warehouse.rstrip("/"), options.tables, sql)
    broken = [result for result in results if not result.is_passed]
    for result in broken:
        fail(str(result), 0)
    errors = [result for result in broken if result.is_error]
    checked = len({result.check.table for result in results})
    print(
        f"{len(results)} checks of {checked} tables: {len(results) - len(broken)} passed, "
        f"errors: {len(errors)}, warnings: {len(broken) - len(errors)}"
    )
    return errors


def check_warehouse(warehouse: str, names: Sequence[str] = (), sql: Path = SQL) -> list[Result]:
    """Check the tables named (all: none named) as readers see them; results go to the warehouse.

    Raises UsageError, WarehouseError, BrokenCheckError.
    """
    chosen = _choose(names)
    place = open_place(warehouse)
    run = _describe(place, chosen)
    results = list(_check(place.checker(run), chosen, run.started_at.date(), sql))
    place.commit(run, results)
    return results


def _check(
    engine: Engine,
    chosen: Sequence[tables.Table],
    today: datetime.date,
    sql: Path,
) -> Iterator[Result]:
    """What a rollup made is true as of its date only: its inputs may have changed since.

    So the sums of range tables are checked by the rollup, and here only what holds for each row.
    """
    for table in chosen:
        own = [] if table.partition == _AS_OF else own_checks(table, sql / "checks")
        yield from run_checks(engine.run, table, own, {"today": today})


def _choose(names: Sequence[str]) -> list[tables.Table]:
    known = {table.full_name: table for table in tables.tables().values()}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no table {name}: --tables of pipelines.query lists them")
    return [known[name] for name in names] if names else list(known.values())


def _describe(place: Place, chosen: Sequence[tables.Table]) -> Run:
    now = datetime.datetime.now(datetime.UTC)
    inputs = place.inputs([table.full_name for table in chosen])
    return Run(
        run_id=new_run_id(now),
        mode="check",
        started_at=now,
        code_version=VERSION,
        options="{}",
        inputs=json.dumps(inputs),
    )


def build_parser() -> FlagParser:
    """The flags of the program."""
    parser = FlagParser(
        prog="python -m pipelines.check",
        description=(__doc__ or "").partition("\n")[0],
        epilog="Exit codes: 0 every check of severity error passed; 1 one failed; 2 wrong options "
        "or no warehouse.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--warehouse", required=True, help="folder, s3://, gs:// or bq:// of the tables"
    )
    parser.add_argument("--tables", type=flags.split_list, default=(), metavar="NAME,NAME",
                        help="only these, such as silver.events (default: all)")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
