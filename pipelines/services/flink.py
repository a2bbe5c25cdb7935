"""How does a pipeline run on a Flink inside Beam's job server? With these options, and no cluster.

Its checkpoints are on disk: a pipeline that died goes on from the last one with `savepoint=`. A
lost worker is not replaced; `cluster.py` has the Flink that does that.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.options.checkpoint_flags import checkpoint_flags
from pipelines.services.jars import job_server_jar
from pipelines.services.java import find_java
from pipelines.services.server import TETHER, kill_by_id

_PROCESS_FILE = "conf/java.pid"
_LOG_FILE = "flink.log"

STATE_BACKEND = {
    "state.backend.type": "hashmap",
    "state.checkpoint-storage": "filesystem",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "state.checkpoints.num-retained": "3",
}
"""State in memory; checkpoints on disk, since the job manager's memory takes only 5 MB of one."""


def embedded_job_server_jar() -> Path:
    """The jar for `--flink_job_server_jar`, fetched if it is not there. Raises ServiceError."""
    return job_server_jar()


def stream_options(
    checkpoint_ms: int = 5000, bundle_ms: int = 20, parallelism: int = 1
) -> list[str]:
    """Beam's flags of a stream.

    `checkpoint_ms`: how often sinks with stable input commit. `bundle_ms`: how often a source that
    reads in rounds is asked again, about every 1.5 times as long. `parallelism`: Flink's slots.
    """
    return [
        *("--runner=FlinkRunner", "--streaming"),
        *(f"--parallelism={parallelism}", f"--max_parallelism={parallelism}"),
        *checkpoint_flags(checkpoint_ms),
        f"--max_bundle_time_mills={bundle_ms}",
        # Without these two Beam overrides what the configuration says of kept checkpoints.
        "--externalized_checkpoints_enabled",
        "--retain_externalized_checkpoints_on_cancellation",
    ]


def embedded_options(
    folder: Path | str,
    savepoint: Path | str | None = None,
    heap: str = "1200m",
    retries: int = 0,
    checkpoint_ms: int = 5000,
) -> list[str]:
    """Beam's flags of a stream on a Flink of its own, with a log and checkpoints in `folder`.

    `savepoint`: a folder of `latest_checkpoint` to go on from. The pipeline's own process runs the
    Python code, so nothing is left to retry on when it dies. Raises ServiceError.
    """
    folder = Path(folder).absolute()
    write_settings(folder / "conf", {**STATE_BACKEND, **storage_settings(folder, savepoint)})
    properties = (
        f"-Xmx{heap}",
        *log_flags("warn"),
        f"-Dorg.slf4j.simpleLogger.logFile={folder / _LOG_FILE}",
    )
    return [
        *stream_options(checkpoint_ms),
        f"--number_of_execution_retries={retries}",
        f"--flink_job_server_jar={embedded_job_server_jar()}",
        "--flink_master=[local]",
        f"--flink_conf_dir={folder / 'conf'}",
        f"--job_server_java_launcher={_java_that_ends_with_us(folder)}",
        *(f"--job_server_jvm_properties={value}" for value in properties),
        "--environment_type=LOOPBACK",
    ]


def log_flags(level: str) -> tuple[str, ...]:
    """Java's flags for a log with times."""
    log = "-Dorg.slf4j.simpleLogger."
    return (
        f"{log}defaultLogLevel={level}",
        f"{log}showDateTime=true",
        f"{log}dateTimeFormat=HH:mm:ss.SSS",
    )


def storage_settings(folder: Path, savepoint: Path | str | None = None) -> dict[str, str]:
    """Where Flink keeps checkpoints and savepoints, and what it begins with."""
    settings = {
        "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
        "state.savepoints.dir": (folder / "savepoints").as_uri(),
    }
    if savepoint:
        settings["execution.savepoint.path"] = Path(savepoint).absolute().as_uri()
    return settings


def write_settings(folder: Path, settings: Mapping[str, str]) -> None:
    """Flink's configuration folder; whatever was there before is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}: {value}\n" for name, value in settings.items()]
    (folder / "config.yaml").write_text("".join(lines))


def latest_checkpoint(folder: Path | str, job: str = "*") -> Path | None:
    """The newest complete checkpoint of a job, or any, that ran with this folder; None: none."""
    found = Path(folder).absolute().glob(f"checkpoints/{job}/chk-*/_metadata")
    newest = max(found, key=_written_ns, default=None)
    return newest.parent if newest else None


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # Flink has just replaced it by a newer one.
        return 0


def end_embedded(folder: Path | str) -> None:
    """End the Flink of `embedded_options(folder)`, which goes on when its pipeline is cancelled."""
    folder = Path(folder).absolute()
    number = folder / _PROCESS_FILE
    if number.exists():
        kill_by_id(int(number.read_text()), str(folder / _LOG_FILE))
        number.unlink()


def _java_that_ends_with_us(folder: Path) -> Path:
    """A `java` for Beam to start its job server with, which otherwise outlives a killed program."""
    command = shlex.join([sys.executable, "-S", "-E", str(TETHER)])
    # The process stays the same through `exec`, and so does its number.
    number = shlex.quote(str(folder / _PROCESS_FILE))
    script = (
        f'#!/bin/sh\necho $$ > {number}\nexec {command} "$PPID" {shlex.quote(find_java())} "$@"\n'
    )
    path = folder / "conf" / "java.sh"
    path.write_text(script)
    path.chmod(0o755)
    return path
