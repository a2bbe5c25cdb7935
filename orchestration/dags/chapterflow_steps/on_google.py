"""How do steps run on Google Cloud? The batch on Dataflow, the rest as jobs of Cloud Run.

Everything waits in the triggerer (deferrable), so that no worker sits by a job that runs elsewhere.
"""

import json
from typing import Any

from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow.providers.google.cloud.sensors.gcs import GCSObjectsWithPrefixExistenceSensor

from chapterflow_steps.settings import Settings
from chapterflow_steps.timing import (
    JOB_SECONDS,
    NO_SECOND_TRY,
    POKE_SECONDS,
    WAIT_SECONDS,
)


class GoogleSteps:
    """The steps as jobs of a project on Google Cloud, which Terraform made."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._values = settings, settings.values
        self._project = {"project_id": self._values["PROJECT"]}

    def wait_for_events(self, topic: str, date: str) -> Any:
        """Files of the topic for the date are there."""
        bucket, _, folder = self._settings.parameters["input"].removeprefix("gs://").partition("/")
        return GCSObjectsWithPrefixExistenceSensor(
            task_id=f"wait_for_{topic}", bucket=bucket, deferrable=True,
            prefix="/".join(filter(None, (folder.rstrip("/"), topic, f"date={date}/"))),
            poke_interval=POKE_SECONDS, timeout=WAIT_SECONDS,
        )  # fmt: skip

    def batch(self, start_date: str, end_date: str) -> Any:
        """The batch for dates, both included; templates."""
        return DataflowStartFlexTemplateOperator(
            task_id="batch", body=self.piece(start_date, end_date), **self._on_dataflow()
        )

    def batches(self, planned: Any) -> Any:
        """A batch for each of what `piece` made, one after another."""
        return DataflowStartFlexTemplateOperator.partial(
            task_id="batch", max_active_tis_per_dagrun=1, **self._on_dataflow()
        ).expand(body=planned)

    def _on_dataflow(self) -> dict[str, Any]:
        region = {"location": self._values["REGION"]}
        return {**self._project, **region, "deferrable": True, "poll_sleep": 30}

    def piece(self, start_date: str, end_date: str) -> dict[str, Any]:
        """What Dataflow is asked, a `LaunchFlexTemplateRequest`; names of jobs get an ending."""
        dates = {"start_date": start_date, "end_date": end_date}
        return {
            "launchParameter": {
                "jobName": f"chapterflow-batch-{start_date}",
                "containerSpecGcsPath": self._values["TEMPLATE"],
                "parameters": {**self._settings.parameters, **dates},
                "environment": self._environment(),
            }
        }

    def _environment(self) -> dict[str, Any]:
        values = self._values
        return {
            "serviceAccountEmail": values["SERVICE_ACCOUNT"],
            "subnetwork": values["SUBNETWORK"],
            "ipConfiguration": "WORKER_IP_PRIVATE",
            "kmsKeyName": values["KMS_KEY"],
            "tempLocation": f"{values['STAGING']}/temp",
            "stagingLocation": f"{values['STAGING']}/dataflow",
            "machineType": values["MACHINE_TYPE"],
            "maxWorkers": int(values["MAX_WORKERS"]),
            "additionalUserLabels": json.loads(values["LABELS"]),
        }

    def job(self, name: str, **options: str) -> Any:
        """The job of Cloud Run for that program, `rollup`, `check` or `fold`."""
        told = {"warehouse": self._settings.warehouse, **options}
        arguments = [f"--{option}={value}" for option, value in told.items()]
        again = NO_SECOND_TRY if name == "check" else {}
        return CloudRunExecuteJobOperator(
            task_id=name, job_name=f"chapterflow-{name}", region=self._values["REGION"],
            overrides={"container_overrides": [{"args": arguments}]},
            deferrable=True, timeout_seconds=JOB_SECONDS, **self._project, **again,
        )  # fmt: skip
