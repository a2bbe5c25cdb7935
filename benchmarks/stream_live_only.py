"""How much can the live half of a stream alone carry? Records to the live store, and no tables.

Takes the options of `pipelines.streaming`; `benchmarks.bench_streaming --only_live` starts it.
"""

import sys
from collections.abc import Sequence

from pipelines.options.stream_options import parse_stream_options
from pipelines.resume import locked_state
from pipelines.spare_memory import spare_memory
from pipelines.stream_graph import read_records, stream_settings, update_live
from pipelines.streaming import open_pipeline, plan_stream
from transforms.parse_stream import ParseStream


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the program is ended."""
    spare_memory()
    options = parse_stream_options(sys.argv[1:] if arguments is None else arguments)
    with locked_state(options):
        plan = plan_stream(options)
        pipeline = open_pipeline(options)
        parsed = read_records(pipeline, plan) | "ParseStream" >> ParseStream(stream_settings(plan))
        _ = parsed.events | "UpdateLive" >> update_live(options)
        result = pipeline.run()
        print("reading", file=sys.stderr, flush=True)
        result.wait_until_finish()
    return 0


if __name__ == "__main__":
    # Workers import this module by its name: what they run must not live in __main__.
    from benchmarks.stream_live_only import main as run_main

    sys.exit(run_main())
