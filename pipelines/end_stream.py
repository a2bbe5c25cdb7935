"""How does a warehouse learn that a stream will not come back? `python -m pipelines.end_stream`."""

import sys
from collections.abc import Sequence

from pipelines.batch import exit_code
from pipelines.observability.logs import leave
from pipelines.options import flags
from pipelines.options.flags import FlagParser, UsageError
from pipelines.outputs.open_warehouse import open_warehouse
from pipelines.outputs.owned_dates import running_streams
from pipelines.outputs.register_stream import end_stream


def main(argv: Sequence[str] | None = None) -> int:
    """End streams; the exit code."""
    return exit_code(lambda: _run(sys.argv[1:] if argv is None else argv), "nothing was ended")


def build_parser() -> FlagParser:
    """The flags of the program."""
    parser = FlagParser(
        prog="python -m pipelines.end_stream",
        description="Release the dates of streams that were stopped or lost and will not go on.",
        epilog="What they had not written yet comes from a batch run over the raw zone. Exit "
        "codes: 0 done, 2 wrong options or no such stream.",
        allow_abbrev=False,
    )
    parser.add_argument("--warehouse", required=True, help=flags.WAREHOUSE)
    parser.add_argument("--run_id", help="of the stream (default: all that are registered)")
    return parser


def _run(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(argv)
    lake = open_warehouse(options.warehouse, staging="")
    known = [s for s in running_streams(lake) if options.run_id in (None, s.run_id)]
    if not known:
        raise UsageError(f"no such stream is registered in {options.warehouse}")
    for stream in known:
        end_stream(lake, stream.run_id, "completed")
        print(f"ended {stream.run_id} ({stream.inputs}, last commit {stream.seen_at:%F %T} UTC)")


if __name__ == "__main__":
    leave(main())
