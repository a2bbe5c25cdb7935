"""How do steps run without a cloud? As the project's own programs, one process each."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import BaseOperator, BaseSensorOperator

from chapterflow_steps.settings import Settings
from chapterflow_steps.timing import NO_SECOND_TRY, POKE_SECONDS, WAIT_SECONDS

_WRONG_OPTIONS = 2
"""Exit code of the programs for what a second try cannot mend."""


class RunProgram(BaseOperator):
    """Run `python -m program arguments`; the task fails when the program does.

    `arguments`: a template each. `home`: the project's folder.
    """

    template_fields = ("arguments",)

    def __init__(
        self, *, program: str, arguments: Sequence[str], python: str, home: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.program, self.arguments = program, arguments
        self.python, self.home = python, home
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        """Run the program, its lines in the task's log.

        Raises AirflowException, or AirflowFailException when trying again is of no use.
        """
        command = [self.python, "-m", self.program, *self.arguments]
        self._process = subprocess.Popen(
            command, cwd=self.home, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        last = ""
        for line in self._process.stdout or ():
            last = line.rstrip()
            self.log.info("%s", last)
        code = self._process.wait()
        if code == _WRONG_OPTIONS:
            raise AirflowFailException(f"{self.program}: {last}")
        if code:
            raise AirflowException(f"{self.program} ended with {code}: {last}")

    def on_kill(self) -> None:
        """End the program, and the workers that it started."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)


class WaitForFolder(BaseSensorOperator):
    """Wait until a topic's folder of a date is there. `folder`: the input; `date`: a template."""

    template_fields = ("date",)

    def __init__(self, *, folder: str, topic: str, date: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder, self.topic, self.date = folder, topic, date

    def poke(self, context: Any) -> bool:
        """Whether it holds a file."""
        return any(Path(self.folder, self.topic, f"date={self.date}").glob("*"))


class LocalSteps:
    """The steps as programs of this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._here = {"python": settings.values["PYTHON"], "home": settings.values["HOME"]}

    def wait_for_events(self, topic: str, date: str) -> BaseOperator:
        """Files of the topic for the date are there; gives its place back while it waits."""
        folder = str(Path(self._settings.values["HOME"], self._settings.parameters["input"]))
        return WaitForFolder(
            task_id=f"wait_for_{topic}", folder=folder, topic=topic, date=date,
            mode="reschedule", poke_interval=POKE_SECONDS, timeout=WAIT_SECONDS,
        )  # fmt: skip

    def batch(self, start_date: str, end_date: str) -> BaseOperator:
        """The batch for dates, both included; templates."""
        arguments = self.piece(start_date, end_date)
        return RunProgram(
            task_id="batch", program="pipelines.batch", arguments=arguments, **self._here
        )

    def batches(self, planned: Any) -> Any:
        """A batch for each of what `piece` made, one after another."""
        return RunProgram.partial(
            task_id="batch", program="pipelines.batch", max_active_tis_per_dagrun=1, **self._here
        ).expand(arguments=planned)

    def piece(self, start_date: str, end_date: str) -> list[str]:
        """What a batch for these dates is told."""
        told = {**self._settings.parameters, "start_date": start_date, "end_date": end_date}
        return [f"--{name}={value}" for name, value in told.items()]

    def job(self, name: str, **options: str) -> BaseOperator:
        """The program of that name, `rollup`, `check` or `maintain`, on the warehouse."""
        told = {"warehouse": self._settings.warehouse, **options}
        arguments = [f"--{option}={value}" for option, value in told.items()]
        again = NO_SECOND_TRY if name == "check" else {}
        return RunProgram(
            task_id=name, program=f"pipelines.{name}", arguments=arguments, **self._here, **again
        )
