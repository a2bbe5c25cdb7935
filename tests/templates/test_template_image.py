"""Would the image hold what it needs? Its Dockerfile is read and followed, not built."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from pipelines.describe_templates import FOLDER

ROOT = FOLDER.parent
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
_COPY = re.compile(r"^COPY (?!--from)(.+)$", re.MULTILINE)


def _copied() -> list[tuple[str, str]]:
    """Sources and targets of the files that the build copies."""
    lines = [line.split() for line in _COPY.findall(DOCKERFILE)]
    return [(source, line[-1]) for line in lines for source in line[:-1]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the image has below /template before it installs the project."""
    folder = tmp_path_factory.mktemp("template")
    for source, target in _copied():
        into = folder / Path(source).name if target in (".", "./") else folder / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, into)
    return folder


def test_programs_start_from_what_the_image_installs(template: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(installed), str(template)], check=True, cwd=tmp_path)
    environment = os.environ | {"PYTHONPATH": str(installed)}
    programs = [[str(template / "main.py"), "--help"]]
    programs += [["-m", f"pipelines.{name}", "--help"] for name in ("batch", "rollup")]
    shutil.copy(template / "main.py", tmp_path / "main.py")
    programs[0][0] = str(tmp_path / "main.py")
    for program in programs:
        done = subprocess.run(
            [sys.executable, *program],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "--warehouse" in done.stdout


def test_all_that_is_copied_is_sent_to_the_build() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert sent == {source for source, _ in _copied()}


def test_images_are_pinned_and_beam_is_the_one_of_the_requirements() -> None:
    images = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert set(images) == {"BEAM_IMAGE", "LAUNCHER_IMAGE"}
    assert all(re.search(r"(:[\w.-]*\d[\w.-]*|@sha256:[0-9a-f]{64})$", i) for i in images.values())
    assert images["BEAM_IMAGE"] == f"apache/beam_python3.11_sdk:{version('apache-beam')}"
    built_on = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert built_on == {"${LAUNCHER_IMAGE}", "${BEAM_IMAGE}", "dataflow"}


def test_requirements_are_pinned() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in names if not re.fullmatch(r"[\w.\[\],-]+==[\w.]+", line)] == []


def test_everything_but_dataflow_runs_without_root() -> None:
    jobs = DOCKERFILE.partition("AS jobs\n")[2].partition("\nFROM ")[0]
    (user,) = re.findall(r"^USER (\d+)$", jobs, re.MULTILINE)
    assert int(user) >= 1000


def test_cloud_build_does_what_the_script_does() -> None:
    build = yaml.safe_load((FOLDER / "cloudbuild.yaml").read_text())
    said = [" ".join(step["args"]) for step in build["steps"]]
    for target in ("dataflow", "jobs"):
        assert any(f"--file=templates/Dockerfile --target={target} " in words for words in said)
    assert said[-1] == "templates/build.sh $_IMAGE $_BUCKET"
    assert "SPECS_ONLY=1" in build["steps"][-1]["env"]
    assert build["substitutions"].keys() == {"_IMAGE", "_BUCKET"}
    used = set(re.findall(r"\$(_\w+)", str(build["steps"])))
    assert used == build["substitutions"].keys()
