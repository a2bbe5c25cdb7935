"""Where is a Java that is new enough?"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from pipelines.services.errors import ServiceError

LEAST_VERSION = 17
ADD_OPENS = tuple(
    f"java.base/{name}"
    for name in (
        *("java.lang", "java.util", "java.net", "java.io", "java.nio", "java.time"),
        *("java.lang.reflect", "java.text", "java.util.concurrent"),
        *("java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch"),
    )
)
"""Packages that Flink's serializers look into."""
_INSTALL = f"install a JDK or JRE {LEAST_VERSION} or newer and set JAVA_HOME"


def find_java() -> str:
    """The path of `java`, from JAVA_HOME or the PATH. Raises ServiceError."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if not java:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise ServiceError(f"there is no java {where}; {_INSTALL}")
    version = _version(java)
    if version < LEAST_VERSION:
        raise ServiceError(f"{java} is version {version}; {_INSTALL}")
    return java


def _version(java: str) -> int:
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{java} does not run ({error}); {_INSTALL}") from None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if not found:
        raise ServiceError(f"{java} does not tell its version; {_INSTALL}")
    return int(found.group(1))
