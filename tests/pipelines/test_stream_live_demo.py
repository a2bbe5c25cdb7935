"""Does `make live` show a school, and does Ctrl-C end everything that it started?"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.pipelines.killing import ROOT, kill
from tests.pipelines.whole_runs import read
from tests.pipelines.whole_topics import need_servers

SHOWN = re.compile(r"[1-9][0-9,]* active")
START_SECONDS, STOP_SECONDS = 240.0, 60.0


def _until(is_so: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def _processes_of(folder: Path) -> list[str]:
    """Command lines that name a folder, as those of Kafka, Flink, the stream and the program do."""
    command = ["ps", "-eww", "-o", "command="]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if str(folder) in line]


def test_it_shows_a_school_until_ctrl_c_and_leaves_nothing_running(tmp_path: Path) -> None:
    need_servers()
    folder, screen = tmp_path / "live", tmp_path / "screen"
    environment = {k: v for k, v in os.environ.items() if k != "CHAPTERFLOW_PSEUDONYM_KEY"}
    command = [sys.executable, "-m", "pipelines.live_demo", f"--folder={folder}", "--students=300"]
    with screen.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _until(lambda: SHOWN.search(screen.read_text()), START_SECONDS, "nobody is shown")
        assert len(_processes_of(folder)) >= 4
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0, screen.read_text()[-2000:]
    finally:
        kill(process)
    _until(lambda: not _processes_of(folder), 10, "something still runs")
    (row,) = read(folder / "warehouse", "ops.pipeline_runs")
    assert (row["mode"], row["status"]) == ("streaming", "stopped")
