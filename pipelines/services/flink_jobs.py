"""What do the jobs of a Flink cluster do, and how are they ended? Through its REST interface."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from pipelines.services.errors import ServiceError

ANSWER_SECONDS = 20.0
END_SECONDS = 60.0
_POLL_SECONDS = 0.2


class FlinkJobs:
    """The jobs of the cluster whose REST interface is at `rest`."""

    def __init__(self, rest: str) -> None:
        self._rest = rest

    def jobs(self) -> dict[str, str]:
        """The state of each job by its id, such as RUNNING. Raises ServiceError."""
        return {job["id"]: job["status"] for job in self._request("GET", "/jobs")["jobs"]}

    def cancel(self, job: str) -> None:
        """End a job now and wait for it; its checkpoints stay. Raises ServiceError."""
        self._request("PATCH", f"/jobs/{job}?mode=cancel")
        self._wait(lambda: self.jobs()[job] == "CANCELED", f"job {job} is not cancelled in time")

    def savepoint(self, job: str) -> Path:
        """Take a savepoint, the job goes on; its folder. Raises ServiceError."""
        begun = self._request("POST", f"/jobs/{job}/savepoints", {"cancel-job": False})
        answer: dict[str, Any] = {}

        def is_completed() -> bool:
            answer.update(self._request("GET", f"/jobs/{job}/savepoints/{begun['request-id']}"))
            return answer["status"]["id"] == "COMPLETED"

        self._wait(is_completed, f"no savepoint of job {job} in time")
        location = answer["operation"].get("location")
        if not location:
            cause = answer["operation"].get("failure-cause", {}).get("class", "no reason given")
            raise ServiceError(f"no savepoint of job {job}: {cause}")
        return Path(unquote(urlparse(location).path))

    def task_managers(self) -> set[str]:
        """Ids of those that are registered. Raises ServiceError."""
        return {each["id"] for each in self._request("GET", "/taskmanagers")["taskmanagers"]}

    def answers(self) -> bool:
        """Is the REST interface up?"""
        try:
            self._request("GET", "/overview")
        except ServiceError:
            return False
        return True

    def _request(self, method: str, path: str, body: dict | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self._rest + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return json.loads(answer.read() or b"{}")
        except (OSError, ValueError) as error:
            raise ServiceError(
                f"Flink at {self._rest} did not do {method} {path}: {error}"
            ) from None

    def _wait(self, is_done: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + END_SECONDS
        while not is_done():
            if time.monotonic() > end:
                raise ServiceError(problem)
            time.sleep(_POLL_SECONDS)
