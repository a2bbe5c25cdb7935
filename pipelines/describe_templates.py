"""What does Dataflow know of the flex templates? Writes templates/*.json from the options.

They are container specs, ready but for the image, which the build script fills in. `gcloud` would
make them too, but leaves out what they say about streaming.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import VERSION
from pipelines.generated_files import write_or_check
from pipelines.options import flags, stream_flags
from pipelines.options.template_parameters import parameters

FOLDER = Path(__file__).resolve().parent.parent / "templates"
IMAGE = "@IMAGE@"
"""Where the build script puts the name of the image."""
_KEY_FILE = "on Dataflow the key comes from Secret Manager: pseudonym_key_secret"
_OWN_FLINK = "of a Flink of its own, which a job on Dataflow has not"
_LABELS = {"app": "chapterflow", "version": VERSION.replace(".", "-")}


@dataclass(frozen=True)
class Template:
    """A template: whose options it has, and why not all of them (option -> reason)."""

    name: str
    title: str
    parser: flags.FlagParser
    left_out: Mapping[str, str]
    metadata: Mapping[str, Any]
    environment: Mapping[str, Any]


TEMPLATES = (
    Template(
        name="batch",
        title="Chapterflow batch",
        parser=flags.build_parser(),
        left_out={
            "pseudonym_key_file": _KEY_FILE,
            "workers": "local processes: those of Dataflow are set in the environment",
        },
        metadata={},
        environment={"maxWorkers": 4, "machineType": "n2-standard-4"},
    ),
    Template(
        name="streaming",
        title="Chapterflow streaming",
        parser=stream_flags.build_parser(),
        left_out={
            "pseudonym_key_file": _KEY_FILE,
            "inbox": "a folder of one machine, which the workers do not share",
            "state": _OWN_FLINK,
            "from_scratch": _OWN_FLINK,
            "flink_heap": _OWN_FLINK,
            "metrics_port": "nobody can ask a worker: Dataflow collects the counters",
            "health_file": "a file of one machine",
        },
        metadata={
            "streaming": True,
            # Sums of gold add signed contributions: one that comes twice would count twice.
            "supportsAtLeastOnce": False,
            "supportsExactlyOnce": True,
            # A default is for templates that support both.
            "defaultStreamingMode": "UNSPECIFIED",
        },
        environment={
            "numWorkers": 1,
            "maxWorkers": 4,
            "machineType": "n2-standard-2",
            "enableStreamingEngine": True,
            "streamingMode": "STREAMING_MODE_EXACTLY_ONCE",
        },
    ),
)


def container_spec(template: Template) -> dict[str, Any]:
    """`ContainerSpec` of Dataflow's protocol, in JSON."""
    described = parameters(template.parser, template.left_out, frozenset({"pseudonym_key_secret"}))
    return {
        "image": IMAGE,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": template.title,
            "description": (template.parser.description or "").strip(),
            **template.metadata,
            "parameters": list(described),
        },
        "defaultEnvironment": {
            **template.environment,
            "autoscalingAlgorithm": "AUTOSCALING_ALGORITHM_BASIC",
            "ipConfiguration": "WORKER_IP_PRIVATE",
            # Launcher and workers are one image: what was tried is what runs.
            "sdkContainerImage": IMAGE,
            "additionalUserLabels": {**_LABELS, "pipeline": template.name},
        },
    }


def render(template: Template) -> str:
    """The file of a template."""
    return json.dumps(container_spec(template), indent=2) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the files; with --check only say whether they differ: 1 if so."""
    return write_or_check("pipelines.describe_templates", __doc__, _files, arguments)


def _files() -> dict[Path, str]:
    return {FOLDER / f"{template.name}.json": render(template) for template in TEMPLATES}


if __name__ == "__main__":
    sys.exit(main())
