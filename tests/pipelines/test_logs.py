"""Do workers of a cluster say what they say as the program itself does?"""

import json
import subprocess
import sys

from tests.pipelines.killing import ROOT

_WORKER = """
import logging
from pipelines.observability import logs
root = logging.getLogger()
root.setLevel(logging.INFO)  # as Beam's worker does
root.addHandler(logging.StreamHandler())  # as pipelines.worker does
logs.start_worker_logging("json", "school")
logs.start_worker_logging("json", "school")
logging.getLogger("chapterflow.alerts").info("opened", extra={"fields": {"kind": "drop"}})
logging.getLogger("apache_beam").info("noise")
logging.getLogger("apache_beam").error("broken")
"""
_PROGRAM = """
import logging
from pipelines.observability import logs
logs.start_logging("json", "school")
logs.start_worker_logging("text")
logging.getLogger("chapterflow").info("begun")
"""


def _said(code: str) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30,
        check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_worker_of_a_pool_logs_json_lines_with_the_job_once() -> None:
    own, foreign = _said(_WORKER)
    assert (own["message"], own["job"], own["kind"]) == ("opened", "school", "drop")
    assert (foreign["message"], foreign["severity"]) == ("broken", "ERROR")


def test_worker_inside_the_program_speaks_through_the_programs_logging() -> None:
    (line,) = _said(_PROGRAM)
    assert (line["message"], line["job"]) == ("begun", "school")
