"""Which jars do the servers need, and how do they get onto this machine, once?"""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pipelines.services.errors import ServiceError
from pipelines.services.java import ADD_OPENS, find_java

FETCH_SECONDS = 1200
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_MAIN_CLASS = "org.apache.beam.runners.flink.FlinkJobServerDriver"


def cache_folder() -> Path:
    """Where jars are kept: `CHAPTERFLOW_CACHE`, else `~/.cache/chapterflow`."""
    chosen = os.environ.get("CHAPTERFLOW_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "chapterflow"


def kafka_jars() -> list[Path]:
    """The broker's classpath, fetched if it is not there. Raises ServiceError."""
    return fetch_jars(_pom("kafka"))


def flink_jars() -> list[Path]:
    """The classpath of Beam's job server, with a whole Flink. Raises ServiceError."""
    return fetch_jars(_pom("flink"))


def job_server_jar() -> Path:
    """A jar that only points to `flink_jars`, for `java -jar`. Raises ServiceError."""
    jars = flink_jars()
    path = jars[0].parent.with_suffix(".jar")
    with _locked(path):
        if not path.exists():
            _write_pathing_jar(path, jars)
    return path


def fetch_jars(pom: Path) -> list[Path]:
    """The jars that `NAME.pom.xml` asks for, kept in the cache. Raises ServiceError."""
    name = pom.name.removesuffix(".pom.xml")
    # Another version in the pom is another folder: nothing stale is ever started.
    folder = cache_folder() / f"{name}-{sha256(pom.read_bytes()).hexdigest()[:12]}"
    with _locked(folder):
        if not folder.exists():
            _fetch(name, pom, folder)
    return sorted(folder.glob("*.jar"))


def _pom(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.pom.xml")


def _fetch(name: str, pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise ServiceError("there is no mvn on the PATH, which fetches the jars; install Maven")
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(pom), _COPY, "-DincludeScope=runtime"]
    environment = {**os.environ, "JAVA_HOME": str(Path(find_java()).resolve().parents[1])}
    with _said(f"fetching the jars of {name}"):
        _run([*command, f"-DoutputDirectory={part}"], environment)
    part.rename(folder)


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{command[0]} took more than {FETCH_SECONDS} s; try again") from None
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        reason = errors[0] if errors else done.stderr.strip()
        raise ServiceError(f"{command[0]} could not fetch the jars: {reason[:500]}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / f"{path.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _said(what: str) -> Iterator[None]:
    """A line on a terminal while something takes its time."""
    is_shown = sys.stderr.isatty()
    if is_shown:
        print(f"{what} (once, some minutes) …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _write_pathing_jar(path: Path, jars: list[Path]) -> None:
    attributes = {
        "Manifest-Version": "1.0",
        "Main-Class": _MAIN_CLASS,
        "Class-Path": " ".join(jar.as_uri() for jar in jars),
        "Add-Opens": " ".join(ADD_OPENS),
    }
    lines = [_fold(f"{name}: {value}") for name, value in attributes.items()]
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "".join(f"{line}\r\n" for line in lines) + "\r\n")
    part.rename(path)


def _fold(line: str) -> str:
    """A line of a manifest holds 72 bytes; the next one goes on after a blank."""
    parts = [line[:72], *(line[at : at + 71] for at in range(72, len(line), 71))]
    return "\r\n ".join(parts)
