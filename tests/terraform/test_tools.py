"""Does a build that fails say why, and is it tried again the next time?"""

import os
import sys
from pathlib import Path

import pytest

from tests import made_once


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPTERFLOW_CACHE", str(tmp_path))


def _run(script: str, folder: Path) -> None:
    made_once.run_to_its_end([sys.executable, "-c", script], folder, dict(os.environ))


def test_a_build_that_fails_says_why_and_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no space left on device"):
        made_once.made_once("it", lambda folder: _run("exit('no space left on device')", folder))
    made = made_once.made_once("it", lambda folder: _run("open('program', 'w')", folder))
    assert sorted(path.name for path in made.iterdir()) == ["complete", "program"]
    assert made_once.made_once("it", lambda folder: pytest.fail("made twice")) == made


def test_a_build_that_takes_too_long_says_what_it_did_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_once, "BUILD_SECONDS", 3)
    script = "print('downloading x', flush=True); import time; time.sleep(60)"
    with pytest.raises(AssertionError, match=r"(?s)took more than 3 s.*downloading x"):
        made_once.made_once("it", lambda folder: _run(script, folder))
