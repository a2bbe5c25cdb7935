"""Which runner do the steps of this Airflow have? The environment says."""

import os
from typing import Any, Protocol

from chapterflow_steps.settings import Settings, read_settings


class Steps(Protocol):
    """What DAGs put in order; each makes a task of the DAG it is called in."""

    def wait_for_events(self, topic: str, date: str) -> Any:
        """Files of a topic for a date are there."""

    def batch(self, start_date: str, end_date: str) -> Any:
        """The batch for dates, both included."""

    def batches(self, planned: Any) -> Any:
        """A batch for each of what `piece` made, one after another."""

    def piece(self, start_date: str, end_date: str) -> Any:
        """What a batch for these dates is told."""

    def job(self, name: str, **options: str) -> Any:
        """Another program on the warehouse."""


def choose_steps() -> tuple[Settings, Steps]:
    """The settings, and steps that keep to them. Raises SettingsError."""
    settings = read_settings(os.environ)
    # Google's provider takes seconds to import: only where it is used.
    if settings.runner == "local":
        from chapterflow_steps.on_this_machine import LocalSteps

        return settings, LocalSteps(settings)
    from chapterflow_steps.on_google import GoogleSteps

    return settings, GoogleSteps(settings)
