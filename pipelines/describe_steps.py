"""Which steps do the jobs on Dataflow have? Writes templates/steps/*.txt, or compares with them.

A running job is updated only if its new graph has the steps of the old one, by name: a changed list
means that `--update` needs --transform-name-mappings for what was renamed, or a drain.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

from pipelines.batch import plan_batch
from pipelines.graph import build_batch
from pipelines.options.batch_options import parse_batch_options
from pipelines.options.stream_options import parse_stream_options
from pipelines.stream_graph import build_stream
from pipelines.streaming import plan_stream

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "steps"
SOURCES = {
    "files": ("--input={folder}/events.jsonl",),
    "kafka": ("--kafka_bootstrap_servers=kafka:9092", "--kafka_topics=events"),
    "pubsub": ("--pubsub_subscription=projects/school/subscriptions/events",),
    "inbox": ("--inbox={folder}",),
}
"""Options that name a source; `files` is the batch."""
_JOB = (
    *("--dry_run=True", "--no_auth", "--project=school", "--region=europe-west1"),
    *("--temp_location=gs://school/temp", "--staging_location=gs://school/staging"),
    *("--sdk_container_image=registry/image:1", "--sdk_location=container", "--job_name=steps"),
)
_EVERYTHING = (
    "--raw_zone={folder}/raw",
    "--state={folder}/state",
    "--live_store=redis://redis:6379",
    "--runner=DataflowRunner",
)
"""Of a stream: options that add steps."""
_HOW = (
    "is it meant? Then say so with `python -m pipelines.describe_steps`, in the same commit: a "
    "running job takes them only with --transform-name-mappings, or after a drain: "
    "docs/templates.md"
)


def steps_of(source: str, warehouse: str = "{folder}") -> list[str]:
    """Names of the steps of a job as Dataflow gets them, sorted; no event is read.

    `warehouse`: a folder of its own unless another is given, which has to be there.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "events.jsonl").write_text("{}\n")
        Path(folder, "key").write_text("no key")
        given = [*SOURCES[source], f"--warehouse={warehouse}", "--pseudonym_key_file={folder}/key"]
        build = _batch if source == "files" else _stream
        options = PipelineOptions(list(_JOB))
        pipeline = beam.Pipeline(runner=DataflowRunner(), options=options)
        build([option.format(folder=folder) for option in given], folder)(pipeline)
        result: Any = pipeline.run()
        transforms = result.job.proto_pipeline.components.transforms.values()
    return sorted(step.unique_name for step in transforms if not step.subtransforms)


def _batch(given: Sequence[str], folder: str) -> Callable[[beam.Pipeline], None]:
    plan = plan_batch(parse_batch_options([*given, f"--staging={folder}/staging"]), "batch")
    return lambda pipeline: build_batch(pipeline, plan)


def _stream(given: Sequence[str], folder: str) -> Callable[[beam.Pipeline], None]:
    more = [option.format(folder=folder) for option in _EVERYTHING]
    plan = plan_stream(parse_stream_options([*given, *more]))
    return lambda pipeline: build_stream(pipeline, plan)


def differences(source: str) -> list[str]:
    """Steps that are gone (`-`) or new (`+`), against the stored list; the end says what to do."""
    file = FOLDER / f"{source}.txt"
    stored = set(file.read_text("utf-8").splitlines()) if file.exists() else set()
    now = set(steps_of(source))
    found = [f"- {name}" for name in sorted(stored - now)]
    found += [f"+ {name}" for name in sorted(now - stored)]
    return [*found, f"{file.name} has other steps: {_HOW}"] if found else []


def main(arguments: list[str] | None = None) -> int:
    """Write the lists; with --check only say what differs: 1 if anything does."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.describe_steps", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args(arguments).check:
        found = [line for source in SOURCES for line in differences(source)]
        print(*found, sep="\n", end="\n" * bool(found), file=sys.stderr)
        return int(bool(found))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        (FOLDER / f"{source}.txt").write_text("\n".join(steps_of(source)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
