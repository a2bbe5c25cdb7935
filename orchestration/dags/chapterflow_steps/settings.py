"""Where do the steps run, and on what? Environment variables tell, as those of the workflows.

Only the environment is read: a DAG file is parsed every minute, and each Airflow variable that it
asked for would be a query of the metadata database.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "CHAPTERFLOW_"
SHARED = ("PARAMETERS", "WAREHOUSE")
"""What both runners need: options of the batch as a JSON object, and where the tables are."""
OF_GOOGLE = (
    *("PROJECT", "REGION", "TEMPLATE", "STAGING", "SERVICE_ACCOUNT", "SUBNETWORK"),
    *("KMS_KEY", "MACHINE_TYPE", "MAX_WORKERS", "LABELS"),
)
"""Besides these, with the runner google; terraform/workflows.tf gives the same to the workflows."""
OF_THIS_MACHINE = ("PYTHON", "HOME")
"""Besides, with the runner local: the project's interpreter and its folder."""
TOPICS = "TOPICS"
BIGQUERY = "bq://"
RUNNERS = {"google": OF_GOOGLE, "local": OF_THIS_MACHINE}


class SettingsError(Exception):
    """The environment does not say what the DAGs need; shown as an import error of the DAG."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. `values`: by name, without the prefix."""

    runner: str
    warehouse: str
    parameters: Mapping[str, str]
    topics: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_lake(self) -> bool:
        """Whether the tables are files, which want compaction; those of BigQuery want folding."""
        return not self.warehouse.startswith(BIGQUERY)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables of the environment. Raises SettingsError."""
    runner = environment.get(f"{PREFIX}RUNNER", "google")
    if runner not in RUNNERS:
        raise SettingsError(f"{PREFIX}RUNNER is {' or '.join(RUNNERS)}, not {runner!r}")
    wanted = [f"{PREFIX}{name}" for name in (*SHARED, *RUNNERS[runner])]
    if missing := [name for name in wanted if not environment.get(name)]:
        raise SettingsError(f"set {', '.join(missing)} (docs/orchestration.md)")
    values = {name.removeprefix(PREFIX): environment[name] for name in wanted}
    if runner == "google" and not values["WAREHOUSE"].startswith(BIGQUERY):
        raise SettingsError(
            f"{PREFIX}WAREHOUSE is {values['WAREHOUSE']}: with {PREFIX}RUNNER=google it is "
            f"{BIGQUERY}…, as no job there maintains tables that are files"
        )
    topics = environment.get(f"{PREFIX}{TOPICS}", "events")
    return Settings(
        runner=runner,
        warehouse=values["WAREHOUSE"],
        parameters=_parameters(values["PARAMETERS"]),
        topics=tuple(topics.split(",")),
        values=values,
    )


def _parameters(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}PARAMETERS is no JSON: {error}") from None
    if not isinstance(found, dict) or not {"input", "warehouse"} <= found.keys():
        raise SettingsError(f"{PREFIX}PARAMETERS is an object with input and warehouse")
    return found
