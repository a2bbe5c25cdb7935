"""How are files of events turned into tables? `python -m pipelines.batch --help` tells."""

import datetime
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from pipelines import VERSION, storage, worker
from pipelines.graph import BatchPlan, build_batch
from pipelines.inputs import Chunk, InputError, plan_chunks
from pipelines.observability import progress
from pipelines.observability.logs import leave
from pipelines.options.batch_options import (
    BatchOptions,
    UsageError,
    changed_options,
    fail,
    parse_batch_options,
)
from pipelines.options.flags import build_parser
from pipelines.options.runner_flags import only_launches
from pipelines.options.settings import read_derive_options, read_parse_settings
from pipelines.outputs.describe_run import Run, new_run_id
from pipelines.outputs.open_warehouse import check_staging, open_warehouse, staging_folder
from pipelines.outputs.owned_dates import all_dates, refusal_in, refuse_owned
from pipelines.outputs.recover import remove_stale_staging
from pipelines.readers.snapshot import WarehouseError

CHUNK_BYTES = 16 << 20
"""Small enough that the last chunk keeps nobody waiting for long."""
SHARD_BYTES = 64 << 20
MIN_SHARDS = 16
SMALL_INPUT_BYTES = 64 << 20
"""Inputs below this are done sooner by one process than others take to start."""
_WORKER_ENVIRONMENT = {
    # One worker a core is enough: more threads would only wait for each other.
    "POLARS_MAX_THREADS": "1",
    # Keep freed memory instead of giving it back after every block and asking for it again.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
_ERROR_LINE = re.compile(r"^[\w.]*(?:Error|Exception)\b.*$", re.MULTILINE)
_STEP = re.compile(r" \[while running '[^']*'\]$")
"""What Beam adds to the message of an error that it hands on."""
_TOPIC = re.compile(r"(?:^|/)([^/]+)/date=\d{4}-\d\d-\d\d/")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the batch; the exit code."""
    return exit_code(lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(argv: Sequence[str]) -> None:
    options = parse_batch_options(argv)
    progress.start_logging(options.log_format)
    run_batch(options)


def exit_code(
    program: Callable[[], None], failed: str = "the run failed, nothing of it is visible"
) -> int:
    """Run a program; its exit code, after one line on standard error if it is not 0."""
    try:
        program()
    except (UsageError, InputError, WarehouseError) as error:
        return fail(refusal_in(str(error)) or _STEP.sub("", str(error)))
    except BrokenPipeError:  # Nobody reads the summary to its end; the run is completed.
        sys.stdout = None
    except KeyboardInterrupt:
        return fail("interrupted, nothing of the run is visible", 1)
    except Exception as error:
        if refusal := refusal_in(str(error)):
            return fail(refusal)
        logging.getLogger("chapterflow").debug("failed", exc_info=True)
        return fail(f"{failed}: {_one_line(error)}", 1)
    return 0


def run_batch(options: BatchOptions, mode: str = "batch", replayed: tuple[str, ...] = ()) -> dict:
    """Run to the end; the row of `ops.pipeline_runs`. Raises UsageError, InputError.

    `replayed`: dead letters that this run puts where they belong. A job that is only launched has
    no row yet: the answer is empty.
    """
    plan = plan_batch(options, mode, replayed)
    lake = open_warehouse(options.warehouse, plan.staging)
    lake.create_tables()
    if options.dates and not options.force:
        refuse_owned(lake, all_dates(options.dates))
    check_staging(plan.staging)
    remove_stale_staging(plan.staging.rpartition("/")[0])
    if only_launches(options.beam):
        return _launch(options, plan)
    begun = time.monotonic()
    try:
        with progress.shown(plan, options):
            pipeline = open_pipeline(options, plan.chunks)
            build_batch(pipeline, plan)
            pipeline.run().wait_until_finish()
    finally:
        _remove_staging(plan.staging)
    row = progress.summary_row(lake, plan.run.run_id)
    progress.summarise(row, time.monotonic() - begun, options.log_format)
    return row


def _remove_staging(folder: str) -> None:
    """Files may stay: the run has ended as it did, and must not be told otherwise."""
    try:
        storage.remove_folder(folder)
    except OSError as error:
        logging.getLogger("chapterflow").warning("files of the run stay in %s", error)


def _launch(options: BatchOptions, plan: BatchPlan) -> dict:
    """Write the job down and go: it runs later, and its staging is removed by age."""
    pipeline = open_pipeline(options, plan.chunks)
    build_batch(pipeline, plan)
    pipeline.run()
    logging.getLogger("chapterflow").info("launched", extra={"fields": {"run_id": plan.run.run_id}})
    return {}


def plan_batch(options: BatchOptions, mode: str, replayed: tuple[str, ...] = ()) -> BatchPlan:
    """Everything that can be wrong with the options is found out here."""
    above = staging_folder(options.warehouse, options.staging, options.beam)
    run = _describe_run(options, mode, replayed)
    chunks = plan_chunks(options.input, options.read_dates(), CHUNK_BYTES)
    size = sum(chunk.size_bytes for chunk in chunks)
    shards = max(MIN_SHARDS, size // SHARD_BYTES)
    derive = read_derive_options(options, options.dates)
    settings = read_parse_settings(options, run.started_at, topic_of, derive.catalogue, shards)
    staging = storage.join(above, run.run_id)
    return BatchPlan(chunks, settings, derive, options.warehouse, staging, run)


def topic_of(source: str) -> str:
    """The topic of a file: the folder above `date=…`, empty without one."""
    found = _TOPIC.search(source)
    return found.group(1) if found else ""


def open_pipeline(options: BatchOptions, chunks: Sequence[Chunk]) -> beam.Pipeline:
    """An empty pipeline: on the runner given, else on Beam's own, on all cores if worth it."""
    flags = list(options.beam)
    if any(flag.startswith("--runner") for flag in flags):
        return beam.Pipeline(options=PipelineOptions(flags))
    size = sum(chunk.size_bytes for chunk in chunks)
    workers = options.workers or (1 if size < SMALL_INPUT_BYTES else os.cpu_count() or 1)
    processes = None
    if workers > 1:
        for name, value in _WORKER_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        flags.append(f"--direct_num_workers={workers}")
        processes = SubprocessSDKEnvironment.from_command_string(worker.command())
    return beam.Pipeline(runner=FnApiRunner(processes), options=PipelineOptions(flags))


def _describe_run(options: BatchOptions, mode: str, replayed: tuple[str, ...]) -> Run:
    started_at = datetime.datetime.now(datetime.UTC)
    return Run(
        run_id=new_run_id(started_at),
        mode=mode,
        started_at=started_at,
        code_version=VERSION,
        options=changed_options(options, build_parser()),
        inputs=json.dumps(list(options.input)),
        dates=options.dates,
        replayed=replayed,
        is_forced=options.force,
    )


def _one_line(error: Exception) -> str:
    """The reason of a failure; a worker process sends a whole traceback, whose last error it is."""
    text = str(error) or type(error).__name__
    reasons = _ERROR_LINE.findall(text) if "Traceback" in text else []
    return " ".join((reasons[-1] if reasons else text).split())[:500]


if __name__ == "__main__":
    # Workers import this module by its name: what they run must not live in __main__.
    from pipelines.batch import main as run_main

    leave(run_main())
