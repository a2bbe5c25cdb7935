"""Do the templates start? Their entry point is called as Dataflow's launcher calls it."""

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.portability.api import beam_runner_api_pb2
from google.cloud.dataflow_v1beta3.types import ContainerSpec, LaunchFlexTemplateRequest

from benchmarks.simulate import simulate
from pipelines.describe_steps import FOLDER as STEPS
from pipelines.describe_templates import FOLDER, IMAGE
from pipelines.readers.snapshot import WarehouseError
from tests.compare_rows import DEFAULT_KEY
from tests.needs import need
from tests.pipelines import gcs_emulator
from tests.pipelines.secret_server import serving
from tests.pipelines.whole_runs import completed, contents, page_view, read, write_lines
from tests.pipelines.whole_topics import need_servers
from tests.templates.entry_point import ended, parameters, start

SECRET = "projects/school/secrets/pseudonym-key/versions/1"
AS_LAUNCHER = (
    *("--runner=DataflowRunner", "--project=school", "--region=europe-west1", "--job_name=nightly"),
    *("--staging_location=gs://school/staging", "--temp_location=gs://school/temp"),
    *("--service_account_email=batch@school.iam.gserviceaccount.com", "--no_use_public_ips"),
    *("--subnetwork=regions/europe-west1/subnetworks/workers", "--max_num_workers=4"),
    *("--machine_type=n2-standard-4", "--sdk_container_image=registry.test/school/image:1"),
    *("--sdk_location=container", '--labels={"goog-dataflow-provided-template-type": "flex"}'),
)
"""What the launcher adds to the parameters."""


@pytest.fixture
def secrets() -> Iterator[dict[str, str]]:
    """The environment of a launcher that may read the key."""
    with serving({SECRET: DEFAULT_KEY.encode()}) as (environment, _):
        yield environment


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Cloud Storage that takes what the launcher stages."""
    with gcs_emulator.serving(tmp_path_factory.mktemp("gcs")) as name:
        yield name


def test_batch_of_the_template_makes_the_rows_of_the_program(
    secrets: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "events.jsonl", simulate(students=6, days=2, bad=0.02).records)
    given = {"input": source, "warehouse": tmp_path / "a", "pseudonym_key_secret": SECRET}
    arguments = [*parameters("batch", given), "--runner=FnApiRunner"]
    assert ended(start(arguments, secrets))[0] == 0
    monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
    completed(tmp_path / "b", source)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_stream_of_the_template_runs_until_it_is_stopped(
    secrets: dict[str, str], bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_servers()
    write_lines(tmp_path / "inbox" / "one.jsonl", [page_view(n) for n in range(5)])
    given = {"warehouse": tmp_path / "w", "pseudonym_key_secret": SECRET, "max_age_days": 0,
             "commit_interval_seconds": 1, "raw_zone": f"{bucket}/stream-raw",
             "raw_file_seconds": 2}  # fmt: skip
    inbox = f"--inbox={tmp_path / 'inbox'}"  # on a Flink of its own
    process = start([*parameters("streaming", given), inbox], secrets)
    try:
        _wait(process, lambda: _records(tmp_path / "w") >= 5)
        _wait(process, lambda: gcs_emulator.names(f"{bucket}/stream-raw"))
    finally:
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
    assert code == 0, said
    (row,) = read(tmp_path / "w", "ops.pipeline_runs")
    assert (row["status"], row["records_read"]) == ("stopped", 5)
    monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
    again = completed(tmp_path / "again", f"{bucket}/stream-raw", max_age_days=0)
    assert again["records_read"] == 5, "the batch reads what the stream kept in the bucket"


def _wait(process: subprocess.Popen, is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 240
    while not is_so():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < end, "the stream gets nowhere"
        time.sleep(0.5)


def _records(warehouse: Path) -> int:
    try:
        return max((r["records_read"] for r in read(warehouse, "ops.pipeline_runs")), default=0)
    except WarehouseError:
        return 0


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"warehouse": "w", "start_date": "yesterday", "input": "x"}, "YYYY-MM-DD"),
        ({"warehouse": "w", "publish_seconds": "5"}, "name one source"),
    ],
)
def test_bad_parameter_is_one_line_and_exit_code_2(
    given: dict[str, str], word: str, secrets: dict[str, str]
) -> None:
    arguments = [f"--{name}={value}" for name, value in given.items()]
    key = f"--pseudonym_key_secret={SECRET}"
    code, said = ended(start([*arguments, key, "--runner=DataflowRunner"], secrets))
    lines = [line for line in said.splitlines() if line.startswith("chapterflow: ")]
    assert code == 2, said
    assert len(lines) == 1
    assert word in lines[0]


@pytest.mark.parametrize(
    ("template", "source", "job_type"),
    [("batch", "files", "JOB_TYPE_BATCH"), ("streaming", "pubsub", "JOB_TYPE_STREAMING")],
)
def test_launcher_gets_a_job_of_dataflow_with_the_known_steps_and_without_the_key(
    template: str, source: str, job_type: str, bucket: str, secrets: dict[str, str], tmp_path: Path
) -> None:
    gcs_emulator.put(f"{bucket}/in/events.jsonl", json.dumps(page_view()).encode())
    given = {"warehouse": tmp_path / "w", "pseudonym_key_secret": SECRET}
    # The stream's source is asked when it starts: an inbox answers without Pub/Sub.
    given |= {"input": f"{bucket}/in/*.jsonl"} if source == "files" else {"inbox": tmp_path}
    given |= {} if source == "files" else {"raw_zone": f"{bucket}/raw", "live_store": "redis://h:1"}
    job_file = f"{bucket}/launches/{template}/job_object"
    more = [*AS_LAUNCHER, f"--template_location={job_file}"]
    code, said = ended(start([*parameters(template, given), *more], secrets))
    assert code == 0, said
    job = json.loads(FileSystems.open(job_file, compression_type="uncompressed").read())
    assert (job["name"], job["type"]) == ("nightly", job_type)
    assert job["labels"] == {"goog-dataflow-provided-template-type": "flex"}
    (pool,) = job["environment"]["workerPools"]
    assert pool["workerHarnessContainerImage"] == "registry.test/school/image:1"
    graph = _graph(bucket, job)
    steps = sorted(
        s.unique_name for s in graph.components.transforms.values() if not s.subtransforms
    )
    assert steps == (STEPS / f"{source}.txt").read_text().splitlines()
    assert DEFAULT_KEY.encode() not in graph.SerializeToString()
    assert DEFAULT_KEY not in json.dumps(job)


def _graph(bucket: str, job: dict[str, Any]) -> beam_runner_api_pb2.Pipeline:
    """The graph that was staged for a job."""
    options = json.loads(json.dumps(job["environment"]["sdkPipelineOptions"]))
    url = options.get("options", options).get("pipelineUrl") or _staged(bucket, job)
    return beam_runner_api_pb2.Pipeline.FromString(
        FileSystems.open(url, compression_type="uncompressed").read()
    )


def _staged(bucket: str, job: dict[str, Any]) -> str:
    folder = job["environment"]["workerPools"][0]["packages"][0]["location"].rpartition("/")[0]
    return f"gs://{folder.removeprefix('storage.googleapis.com/')}/pipeline.pb"


class _Dataflow(http.server.BaseHTTPRequestHandler):
    """A Dataflow that notes what it is asked for."""

    asked: list[tuple[str, str, dict[str, Any]]]

    def _answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path, json.loads(text or b"{}")))
        job = {"id": "2026-11-21_1", "name": "chapterflow-streaming",
               "projectId": "school", "location": "europe-west1",
               "createTime": "2026-11-21T08:00:00Z", "currentStateTime": "2026-11-21T08:00:00Z",
               "currentState": "JOB_STATE_RUNNING", "type": "JOB_TYPE_STREAMING"}  # fmt: skip
        answer = {"jobs": [job]} if self.command == "GET" else {"job": job, **job}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def dataflow(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[Any]]]:
    """The environment in which gcloud asks a server of ours, and what it asks for."""
    need(shutil.which("gcloud"), "no gcloud on the PATH")
    asked: list[Any] = []
    handler = type("_Noting", (_Dataflow,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    yield {
        **os.environ,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": address,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "PROJECT": "school", "REGION": "europe-west1",
        "TEMPLATES": "gs://school-templates", "STAGING": "gs://school-staging/",
        "SERVICE_ACCOUNT": "streaming@school.iam.gserviceaccount.com",
        "SUBNETWORK": "regions/europe-west1/subnetworks/workers",
        "LABELS": "env=dev", "MAX_WORKERS": "3",
    }, asked  # fmt: skip
    server.shutdown()
    server.server_close()


def _script(name: str, *arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(FOLDER / name), *arguments], env=dict(env), capture_output=True, text=True, timeout=120
    )


def test_update_of_the_stream_is_what_gcloud_asks_dataflow_for(
    dataflow: tuple[dict[str, str], list[Any]], tmp_path: Path
) -> None:
    environment, asked = dataflow
    mappings = tmp_path / "mappings.txt"
    mappings.write_text(
        "KeepTables/Old=KeepTables/CommitChanges\nKeepRaw/A(b, c)=KeepRaw/PackLines\n"
    )
    options = ["--pubsub_subscription=projects/school/subscriptions/e", "--warehouse=bq://school-p",
               "--split_on=device,login", f"--pseudonym_key_secret={SECRET}"]  # fmt: skip
    done = _script("launch.sh", "update", *options, env=environment | {"MAPPINGS": str(mappings)})
    assert done.returncode == 0, done.stderr
    ((method, path, body),) = asked
    assert (method, path.partition("?")[0].rpartition("/")[2]) == ("POST", "flexTemplates:launch")
    request = LaunchFlexTemplateRequest.from_json(
        json.dumps(body), ignore_unknown_fields=False
    ).launch_parameter
    assert request.update
    assert request.job_name == "chapterflow-streaming"
    assert request.container_spec_gcs_path == "gs://school-templates/streaming.json"
    assert [f"--{name}={value}" for name, value in sorted(request.parameters.items())] == sorted(
        options
    )
    assert request.transform_name_mappings == {
        "KeepTables/Old": "KeepTables/CommitChanges",
        "KeepRaw/A(b, c)": "KeepRaw/PackLines",
    }
    assert request.environment.enable_streaming_engine
    assert request.environment.ip_configuration.name == "WORKER_IP_PRIVATE"
    assert request.environment.service_account_email == environment["SERVICE_ACCOUNT"]
    assert request.environment.additional_user_labels == {
        "app": "chapterflow", "pipeline": "streaming", "env": "dev",
    }  # fmt: skip


def test_drain_asks_for_the_running_job(dataflow: tuple[dict[str, str], list[Any]]) -> None:
    environment, asked = dataflow
    done = _script("launch.sh", "drain", env=environment)
    assert done.returncode == 0, done.stderr
    method, path, body = asked[-1]
    assert (method, body["requestedState"]) == ("PUT", "JOB_STATE_DRAINED")
    assert "2026-11-21_1" in path


@pytest.mark.parametrize(
    ("arguments", "missing", "word"),
    [
        (["stop"], "", "say batch"),
        (["batch", "--input=gs://a/b"], "SERVICE_ACCOUNT", "set SERVICE_ACCOUNT"),
        (["batch", "input=gs://a/b"], "", "--name=value"),
        (["batch", "--input=gs://a/~b"], "", "stands between"),
        (["streaming"], "", "give the options"),
    ],
)
def test_launch_that_cannot_be_says_why(arguments: list[str], missing: str, word: str) -> None:
    environment = {name: "x" for name in ("PROJECT", "REGION", "TEMPLATES", "STAGING",
                   "SERVICE_ACCOUNT", "SUBNETWORK") if name != missing}  # fmt: skip
    done = _script("launch.sh", *arguments, env=environment | {"PATH": os.environ["PATH"]})
    assert done.returncode == 2
    assert word in done.stderr


def test_build_puts_the_image_into_specs_that_are_whole(tmp_path: Path) -> None:
    image = "europe-docker.pkg.dev/school/pipelines/chapterflow:2026-11-21"
    kept = tmp_path / "gcloud"
    kept.write_text(f'#!/bin/sh\necho gcloud "$@" >> {tmp_path}/said\ncp "$3" {tmp_path}/\n')
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho docker "$@" >> {tmp_path}/said\n')
    for program in (kept, docker):
        program.chmod(0o755)
    environment = {**os.environ, "GCLOUD": str(kept), "DOCKER": str(docker)}
    done = _script("build.sh", image, "gs://school-templates", env=environment)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "said").read_text().splitlines()
    assert [line.split()[:2] for line in said] == [
        *[["docker", "build"], ["docker", "push"]] * 2, *[["gcloud", "storage"]] * 2,
    ]  # fmt: skip
    for template in ("batch", "streaming"):
        text = (tmp_path / f"{template}.json").read_text()
        spec = ContainerSpec.from_json(text, ignore_unknown_fields=False)
        assert spec.image == spec.default_environment.sdk_container_image == image
        assert IMAGE not in text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["chapterflow", "gs://school-templates"], "IMAGE must be"),
        (["r.pkg.dev/p/q/chapterflow:latest", "gs://school-templates"], "moves"),
        (["r.pkg.dev/p/q/chapterflow:1", "school-templates"], "gs://BUCKET"),
    ],
)
def test_build_refuses_names_that_cannot_be(arguments: list[str], word: str) -> None:
    done = _script("build.sh", *arguments, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 2
    assert word in done.stderr
