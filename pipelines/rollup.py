"""What do the range tables say as of a date? Runs their models, checks the rows, swaps them in."""

import datetime
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import VERSION
from pipelines.batch import exit_code
from pipelines.models.places import Place, open_place
from pipelines.models.run_models import Made, Plan, Reckoning, plan_models, run_models
from pipelines.models.sql_models import SQL, load_models
from pipelines.options import flags
from pipelines.options.batch_options import fail
from pipelines.options.flags import FlagParser, UsageError
from pipelines.outputs.describe_run import Run, new_run_id

_CALENDAR = "gold.platform_daily"
"""It has a row for every date with an event."""
_FAILED = "the rollup failed, nothing of it is visible"


@dataclass(frozen=True)
class RollupOptions:
    """Everything a rollup depends on; `as_of` None: the newest date with events."""

    warehouse: str
    as_of: datetime.date | None = None
    select: tuple[str, ...] = ()
    away_days: int = Reckoning.away_days
    pass_mark: float = Reckoning.pass_mark


def main(arguments: Sequence[str] | None = None, sql: Path = SQL) -> int:
    """Run the program; 0 done, 2 wrong options or no warehouse, 1 failed or a check did not pass.

    `sql`: folder of the models and checks.
    """
    failed: list[Made] = []
    argv = sys.argv[1:] if arguments is None else arguments
    code = exit_code(lambda: failed.extend(_run(argv, sql)), _FAILED)
    return code or (1 if failed else 0)


def _run(argv: Sequence[str], sql: Path) -> list[Made]:
    given = vars(build_parser().parse_args(list(argv)))
    if given.pop("list"):
        for model in load_models(sql / "models").values():
            print(f"{model.table.full_name:<32} reads {', '.join(model.inputs)}")
        return []
    if given["warehouse"] is None:
        raise UsageError("give --warehouse=…, or --list; --help lists the options")
    return [made for made in roll_up(RollupOptions(**given), sql) if made.errors]


def roll_up(options: RollupOptions, sql: Path = SQL) -> list[Made]:
    """Run the models chosen and store what passes, all of it visible at once; what came of each.

    Nothing is stored for a warehouse without events. Raises UsageError, WarehouseError,
    BrokenModelError, BrokenCheckError.
    """
    began = time.monotonic()
    plan = plan_models(options.select, sql)
    warehouse = options.warehouse.rstrip("/")
    place = open_place(warehouse)
    place.refuse_missing(plan)
    reckoning = _reckon(options, place)
    if reckoning is None:
        print(f"{warehouse} has no events yet: the tables stay empty")
        return []
    run = _describe(options, plan, reckoning, place)
    made = list(_make(place, plan, reckoning, run))
    place.commit(run, [result for one in made for result in one.results])
    rows, seconds = sum(one.rows_count for one in made), time.monotonic() - began
    print(f"as of {reckoning.as_of_date}: {rows:,} rows in {seconds:.1f} s, run {run.run_id}")
    return made


def _make(place: Place, plan: Plan, reckoning: Reckoning, run: Run) -> Iterator[Made]:
    """What came of each model; its rows are kept where they wait, not in memory."""
    engine = place.engine(plan, reckoning, run)
    for one in run_models(engine, plan, reckoning, run.started_at):
        _tell(one)
        place.keep(one, reckoning)
        yield replace(one, rows=None)


def _reckon(options: RollupOptions, place: Place) -> Reckoning | None:
    """The parameters of the models; None without any events."""
    first, newest = place.ask(f"SELECT MIN(date), MAX(date) FROM {_CALENDAR}")
    if newest is None:
        return None
    date = options.as_of or newest
    if date < first:
        raise UsageError(f"--as_of={date} is before the first date with events, {first}")
    if date > newest:
        fail(f"the newest date with events is {newest}: nothing is known of the days after", 0)
    return Reckoning(date, options.away_days, options.pass_mark)


def _describe(options: RollupOptions, plan: Plan, reckoning: Reckoning, place: Place) -> Run:
    now = datetime.datetime.now(datetime.UTC)
    read = sorted({name for model in plan.chosen for name in model.inputs})
    given = {**reckoning.parameters(), "as_of_date": str(reckoning.as_of_date)}
    return Run(
        run_id=new_run_id(now),
        mode="rollup",
        started_at=now,
        code_version=VERSION,
        options=json.dumps(given | {"select": list(options.select)}, sort_keys=True),
        inputs=json.dumps(place.inputs(read)),
    )


def _tell(one: Made) -> None:
    """A line for each table on standard output, and one for each failed check beside it."""
    name = f"{one.model.table.full_name:<32}"
    if one.missing:
        print(f"{name} skipped: {one.missing} did not pass, the old rows stay", flush=True)
        return
    passed = sum(result.is_passed for result in one.results)
    what = f"{one.rows_count:>12,} rows {one.seconds:>7.2f} s {passed:>3}/{len(one.results)} checks"
    print(f"{name}{what}{', the old rows stay' if one.errors else ''}", flush=True)
    for result in one.results:
        if not result.is_passed:
            fail(str(result), 0)


def build_parser() -> FlagParser:
    """The flags of the program."""
    parser = FlagParser(
        prog="python -m pipelines.rollup",
        description=(__doc__ or "").partition("\n")[0],
        epilog="Exit codes: 0 done; 1 failed, or a check did not pass: that table keeps its old "
        "rows, and what depends on it too; 2 wrong options or no warehouse.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--warehouse", help="folder, s3://, gs:// or bq:// of the tables")
    add("--as_of", type=flags.date, metavar="YYYY-MM-DD",
        help="last date that counts (default: the newest with events)")  # fmt: skip
    add("--select", type=flags.split_list, default=(), metavar="TABLE,TABLE+",
        help="only these; TABLE+ also what depends on it (default: all)")  # fmt: skip
    add("--away_days", type=flags.count, default=Reckoning.away_days,
        help="days without activity after which a student counts as away (%(default)s)"
        )  # fmt: skip
    add("--pass_mark", type=flags.share, default=Reckoning.pass_mark,
        help="share of right answers that passes a quiz without a mark of its own (%(default)s)"
        )  # fmt: skip
    add("--list", action="store_true", help="list the tables in order and what they read")
    return parser


if __name__ == "__main__":
    sys.exit(main())
