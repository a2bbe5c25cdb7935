"""Where are the classes of a Java source? Compiled once for each text of it, kept with the jars."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from pipelines.services.errors import ServiceError
from pipelines.services.jars import cache_folder
from pipelines.services.java import find_java

_COMPILER = "jdk.compiler/com.sun.tools.javac.Main"


def compiled(source: Path, jars: list[Path]) -> Path:
    """The folder of the classes. Raises ServiceError when Java has no compiler or refuses it."""
    digest = sha256(source.read_bytes() + jars[0].parent.name.encode()).hexdigest()[:12]
    folder = cache_folder() / f"{source.stem}-{digest}"
    if folder.exists():
        return folder
    cache_folder().mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(prefix=f"{folder.name}-", dir=cache_folder()))
    classpath = ":".join(map(str, jars))
    command = [find_java(), "-m", _COMPILER, "-cp", classpath, "-d", str(part), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        shutil.rmtree(part)
        raise ServiceError(f"{source.name} does not compile: {done.stderr.strip()[:500]}")
    _put(part, folder)
    return folder


def _put(part: Path, folder: Path) -> None:
    try:
        part.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(part)
