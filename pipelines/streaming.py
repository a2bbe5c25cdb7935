"""How does the stream run? `python -m pipelines.streaming --help` tells."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines import one_thread  # noqa: F401  # before Polars
from pipelines.batch import exit_code
from pipelines.inputs.streams.inbox import InboxStream
from pipelines.inputs.streams.kafka import KafkaStream
from pipelines.inputs.streams.pubsub import PubSubStream
from pipelines.inputs.streams.sources import StreamSource
from pipelines.inputs.streams.watermarks import WatermarkOptions
from pipelines.observability.logs import leave, start_logging
from pipelines.options.checkpoint_options import mark_options
from pipelines.options.companions import load_key
from pipelines.options.runner_flags import only_launches
from pipelines.options.settings import read_derive_options, read_parse_settings
from pipelines.options.stream_options import StreamOptions, parse_stream_options
from pipelines.outputs.describe_run import Run
from pipelines.outputs.open_warehouse import Tables, open_warehouse
from pipelines.outputs.register_stream import end_stream, register_stream
from pipelines.resume import locked_state, resume_run
from pipelines.services import flink
from pipelines.spare_memory import spare_memory
from pipelines.stream_graph import StreamPlan, build_stream, fingerprint

_LOG = logging.getLogger("chapterflow.streaming")
_DIRECT = ("DirectRunner", "BundleBasedDirectRunner")
_REASON_MS = 10_000


class StreamFailedError(Exception):
    """The runner gave the stream up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stream until it is stopped; the exit code."""
    return exit_code(lambda: _run(sys.argv[1:] if argv is None else argv), "the stream failed")


def _run(argv: Sequence[str]) -> None:
    spare_memory()
    options = parse_stream_options(argv)
    start_logging(options.log_format)
    run_stream(options)


def run_stream(options: StreamOptions) -> None:
    """Run until SIGINT or SIGTERM. Raises UsageError, InputError, StreamFailedError."""
    with locked_state(options):
        _run_plan(options, plan_stream(options))


def _run_plan(options: StreamOptions, plan: StreamPlan) -> None:
    plan.source.check()
    lake = open_warehouse(options.warehouse, staging="")
    now_ms = round(plan.run.started_at.timestamp() * 1000)
    register_stream(lake, plan.run, options.retention.owned_from(now_ms))
    pipeline = open_pipeline(options)
    build_stream(pipeline, plan)
    result = pipeline.run()
    if only_launches(options.beam):
        _LOG.info("launched", extra={"fields": {"run_id": plan.run.run_id}})
        return
    # Only now: Beam's job server takes the signals for itself when it starts.
    stopped = _stopped_by_signals()
    _LOG.info("reading %s", plan.source.name, extra={"fields": {"run_id": plan.run.run_id}})
    _wait(result, stopped)
    _stop(options, lake, plan.run)


def plan_stream(options: StreamOptions) -> StreamPlan:
    """Everything that can be wrong with the options is found out here."""
    lake = open_warehouse(options.warehouse, staging="")
    source, derive = open_source(options), read_derive_options(options)
    key = load_key(options.pseudonym_key_file, options.pseudonym_key_secret)
    marks = mark_options(options, fingerprint(derive), key)
    run = resume_run(options, source.name, marks, lake)
    return StreamPlan(
        source=source,
        is_direct=_is_direct(options),
        options=options,
        parse=read_parse_settings(options, run.started_at, str, derive.catalogue),
        derive=derive,
        run=run,
    )


def open_source(options: StreamOptions) -> StreamSource:
    """The source that the options name."""
    watermark = WatermarkOptions(
        options.max_out_of_orderness_seconds,
        options.max_future_seconds,
        options.idle_partition_seconds,
    )
    if options.inbox:
        return InboxStream(
            options.inbox,
            watermark=watermark,
            checkpoint_interval_seconds=options.commit_interval_seconds,
        )
    if options.pubsub_subscription:
        return PubSubStream(
            options.pubsub_subscription,
            watermark=watermark,
            start_timeout_seconds=options.start_timeout_seconds,
        )
    return KafkaStream(
        str(options.kafka_bootstrap_servers),
        options.kafka_topics,
        group_id=options.kafka_group,
        start_from=options.start_from,
        watermark=watermark,
        options=options.kafka_options,
        options_file=options.kafka_options_file,
        start_timeout_seconds=options.start_timeout_seconds,
        checkpoint_interval_seconds=options.commit_interval_seconds,
    )


def open_pipeline(options: StreamOptions) -> beam.Pipeline:
    """An empty pipeline: on the runner given, else on a Flink of its own."""
    if _is_direct(options):
        flags = [flag for flag in options.beam if not flag.startswith("--runner")]
        return beam.Pipeline(
            runner=BundleBasedDirectRunner(), options=PipelineOptions([*flags, "--streaming"])
        )
    flags = list(options.beam)
    if not options.has_own_runner:
        flags += flink.embedded_options(
            options.state,
            savepoint=flink.latest_checkpoint(options.state),
            heap=options.flink_heap,
            checkpoint_ms=options.commit_interval_ms,
        )
    return beam.Pipeline(options=PipelineOptions(flags))


def _is_direct(options: StreamOptions) -> bool:
    return any(flag == f"--runner={name}" for flag in options.beam for name in _DIRECT)


def _stopped_by_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _stop(options: StreamOptions, lake: Tables, run: Run) -> None:
    """End the stream's own Flink; its checkpoints stay. A job on a cluster lives on."""
    if options.has_own_runner and not _is_direct(options):
        _LOG.info("the job goes on without this program; cancel it on its cluster")
        return
    # The connections to Flink end now, and every thread that holds one would say so.
    threading.excepthook = lambda _: None
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    flink.end_embedded(options.state)
    end_stream(lake, run.run_id, "stopped")
    _LOG.info("stopped; the same command goes on from here")


def _wait(result: PipelineResult, stopped: threading.Event) -> None:
    """Until the stream is stopped, or the runner ends it, which is a failure."""
    while not stopped.wait(0.5):
        if PipelineState.is_terminal(result.state):
            raise StreamFailedError(f"the runner ended it ({result.state}): {_reason(result)}")


def _reason(result: PipelineResult) -> str:
    """What the runner says of its end."""
    try:
        result.wait_until_finish(duration=_REASON_MS)
    except Exception as error:
        return str(error)
    return "its log may say why"


if __name__ == "__main__":
    # Workers import this module by its name: what they run must not live in __main__.
    from pipelines.streaming import main as run_main

    leave(run_main())
