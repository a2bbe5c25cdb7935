"""How does a whole Flink cluster run on this machine, one whose parts may die and come back?

A job manager, a task manager, Beam's worker pool and Beam's job server, each a process.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Self

from pipelines.services import flink
from pipelines.services.flink_jobs import FlinkJobs
from pipelines.services.jars import flink_jars
from pipelines.services.java import ADD_OPENS, find_java
from pipelines.services.server import START_SECONDS, Process, free_ports, is_listening, kill_by_id
from pipelines.services.service import Service

_ROOT = Path(__file__).parents[2]
_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_JAVA_FLAGS = ("-XX:+UseSerialGC", *flink.log_flags("info"))
_TASK_MANAGER_FLAGS = ("-Xmx640m", "-XX:MaxDirectMemorySize=384m", "-XX:MaxMetaspaceSize=256m")
_MEMORY = {
    "taskmanager.cpu.cores": "2",
    "taskmanager.numberOfTaskSlots": "4",
    "taskmanager.memory.task.heap.size": "512m",
    "taskmanager.memory.task.off-heap.size": "128m",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.managed.size": "128m",  # batch sorts there; without it a batch fails
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
}
"""A task manager that no script starts has to be told every size."""
_RECOVERY = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000",
    "restart-strategy.fixed-delay.delay": "1 s",
    "heartbeat.interval": "2000",
    "heartbeat.timeout": "8000",
    "classloader.resolve-order": "parent-first",
}


class FlinkCluster(FlinkJobs, Service):
    """A session cluster with its logs, checkpoints and savepoints in a folder."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).absolute()
        rest_port, rpc_port, self._job_port, self._pool_port = free_ports(4)
        super().__init__(f"http://127.0.0.1:{rest_port}")
        self._settings = {
            **flink.STATE_BACKEND,
            **flink.storage_settings(self.folder),
            **_MEMORY,
            **_RECOVERY,
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(rpc_port),
            "rest.address": "127.0.0.1",
            "rest.port": str(rest_port),
            "taskmanager.host": "127.0.0.1",
            "io.tmp.dirs": str(self.folder / "tmp"),
        }
        self._job_manager = self._flink("job_manager", _JOB_MANAGER, "-Xmx400m")
        self._task_manager = self._flink("task_manager", _TASK_MANAGER, *_TASK_MANAGER_FLAGS)
        self._worker_pool = self._process("worker_pool", self._pool_command())
        self._job_server = self._process("job_server", self._job_server_command(rest_port))
        self._parts = (self._job_manager, self._task_manager, self._worker_pool, self._job_server)

    @property
    def address(self) -> str:
        """Of Flink's REST interface."""
        return self._rest

    def start(self) -> Self:
        """Start all of it. Raises ServiceError, with nothing left running."""
        self._write_files()
        try:
            for part in self._parts:
                part.begin()
            self._job_manager.wait(self.answers, START_SECONDS)
            self._task_manager.wait(lambda: bool(self.task_managers()), START_SECONDS)
            self._worker_pool.wait(lambda: is_listening(self._pool_port), START_SECONDS)
            self._job_server.wait(lambda: is_listening(self._job_port), START_SECONDS)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End everything in order, jobs without a savepoint."""
        for part in reversed(self._parts):
            part.stop()
        self.kill_worker()

    def kill(self) -> None:
        """All processes die at once, like a machine."""
        for part in self._parts:
            part.kill()
        self.kill_worker()

    def kill_task_manager(self) -> None:
        """Flink's worker dies; `start_task_manager` brings another."""
        self._task_manager.kill()

    def start_task_manager(self) -> None:
        """Start one and wait until the job manager knows it. Raises ServiceError."""
        # The one that was killed stays known until its heartbeats are missed.
        known = self.task_managers()
        self._task_manager.start(lambda: bool(self.task_managers() - known))

    def kill_worker(self) -> bool:
        """The Python worker dies; the pool starts another one for it. Was there one?"""
        marks = list((self.folder / "workers").glob("*"))
        killed = [kill_by_id(int(mark.name), "sdk_worker") for mark in marks]
        for mark in marks:
            mark.unlink(missing_ok=True)
        return any(killed)

    def latest_checkpoint(self, job: str) -> Path | None:
        """The newest complete checkpoint of a job, also of one that has ended."""
        return flink.latest_checkpoint(self.folder, job)

    def submit_options(
        self,
        savepoint: Path | str | None = None,
        checkpoint_ms: int = 5000,
        parallelism: int = 1,
    ) -> list[str]:
        """Beam's flags of a stream on so many slots, from a savepoint or checkpoint if given."""
        given = flink.stream_options(checkpoint_ms, parallelism=parallelism)
        options = [*given, *self._addresses()]
        if savepoint:
            options.append(f"--savepoint_path={Path(savepoint).absolute().as_uri()}")
        return options

    def batch_options(self, parallelism: int = 1) -> list[str]:
        """Beam's flags of a batch on so many slots of this cluster."""
        return ["--runner=FlinkRunner", f"--parallelism={parallelism}", *self._addresses()]

    def _addresses(self) -> list[str]:
        return [
            f"--job_endpoint=127.0.0.1:{self._job_port}",
            "--environment_type=EXTERNAL",
            f"--environment_config=127.0.0.1:{self._pool_port}",
        ]

    def _flink(self, name: str, main_class: str, *flags: str) -> Process:
        jars = ":".join(map(str, flink_jars()))
        opens = (f"--add-opens={package}=ALL-UNNAMED" for package in ADD_OPENS)
        command = [find_java(), *flags, *_JAVA_FLAGS, *opens, "-cp", jars, main_class]
        return self._process(name, [*command, "-c", str(self.folder / "conf")])

    def _job_server_command(self, rest_port: int) -> list[str]:
        return [
            *(find_java(), "-Xmx400m", *_JAVA_FLAGS, "-jar", str(flink.embedded_job_server_jar())),
            *(f"--flink-master=127.0.0.1:{rest_port}", "--job-host=127.0.0.1"),
            *(f"--job-port={self._job_port}", "--artifact-port=0", "--expansion-port=0"),
            f"--artifacts-dir={self.folder / 'artifacts'}",
        ]

    def _pool_command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"),
            f"--service_port={self._pool_port}",
            f"--container_executable={self.folder / 'conf' / 'worker.sh'}",
        ]

    def _process(self, name: str, command: list[str]) -> Process:
        # Workers find what this program finds: the project, and what is on PYTHONPATH.
        modules = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        environment = {"PYTHONPATH": modules, "FLINK_CONF_DIR": str(self.folder / "conf")}
        return Process(name, self.folder / f"{name}.log", command, environment)

    def _write_files(self) -> None:
        flink.write_settings(self.folder / "conf", self._settings)
        for name in ("tmp", "workers"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # Each worker leaves its process id, to be found by kill_worker.
        command = shlex.join([sys.executable, "-m", "pipelines.services.sdk_worker"])
        workers, log = (shlex.quote(str(self.folder / name)) for name in ("workers", "worker.log"))
        script = self.folder / "conf" / "worker.sh"
        script.write_text(f'#!/bin/sh\n: > {workers}/$$\nexec {command} "$@" >> {log} 2>&1\n')
        script.chmod(0o755)
