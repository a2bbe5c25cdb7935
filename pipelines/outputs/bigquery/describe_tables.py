"""Which tables are to be in BigQuery? Those of the schemas, as the client's own objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.cloud import bigquery

from pipelines.outputs.bigquery.address import STAGED, Address
from pipelines.outputs.bigquery.changes import INTERNAL, changes_of, current_view
from pipelines.outputs.bigquery.connect import LABELS
from pipelines.outputs.bigquery.current_rows import current_rows
from pipelines.outputs.bigquery.view_texts import VIEWS
from schemas.bigquery import table_fields, table_index
from schemas.streamed import streamed
from schemas.tables import LAYERS, Table, tables

TURN = "commit_turn"
"""The table of `ops` with one row that says which run commits."""
OWN_LABELS = (*LABELS, "layer")
DAY_MS = 86_400_000
_DATASETS = {
    "silver": "Events and what they say of single sessions, visits, views and answers.",
    "gold": "What is known by day, and over ranges of days.",
    "ops": "What the pipeline did: runs, dead letters, checks.",
    STAGED: "Rows on their way into the tables; what is left here goes by itself.",
}
_TURN_FIELDS = (
    ("holder", "STRING", "The run that commits; null when none does."),
    ("until_at", "TIMESTAMP", "When the turn ends if it is not given back."),
)


@dataclass(frozen=True)
class Choices:
    """What a deployment decides about its tables.

    `policy_tags`: resource names by column of sensitive columns, "" for the others of them.
    `expiration_days`: of partitions, by layer. `labels`: of datasets and tables.
    """

    policy_tags: Mapping[str, str] = field(default_factory=dict)
    expiration_days: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def datasets(address: Address, choices: Choices, location: str | None) -> list[bigquery.Dataset]:
    """The datasets of a warehouse."""
    found = []
    for layer in (*LAYERS, STAGED):
        dataset = bigquery.Dataset(address.dataset(layer))
        dataset.description = _DATASETS[layer]
        dataset.labels = {**LABELS, "layer": layer, **choices.labels}
        if location:
            dataset.location = location
        if layer == STAGED:
            dataset.default_table_expiration_ms = DAY_MS
        found.append(dataset)
    return found


def described_tables(address: Address, choices: Choices) -> list[bigquery.Table]:
    """The tables of the schemas, those of their changes, and what says who commits."""
    known = [_describe_known(address, table, choices) for table in tables().values()]
    others = [*(changes_of(table) for table in streamed()), *INTERNAL]
    described = [_describe(address, table, choices) for table in others]
    return [*known, *described, _turn_table(address, choices)]


def described_views(address: Address) -> list[bigquery.Table]:
    """The views: of current rows, and on top of those as `pipelines.readers.views` has them."""
    views = [_current_view(address, table) for table in streamed()]
    source = address.current("silver.question_attempts")
    for full_name, (description, text) in VIEWS.items():
        view = bigquery.Table(address.table(full_name))
        named = text.replace("{question_attempts}", f"`{source}`")
        view.view_query = address.localise(named)
        view.description = description
        views.append(view)
    return views


def _current_view(address: Address, table: Table) -> bigquery.Table:
    view = bigquery.Table(current_view(address, table))
    view.view_query = current_rows(address, table)
    grain = table_index(table)["description"].removesuffix(".")
    view.description = f"{grain}, as of now: {table.full_name} and the changes not yet in it."
    return view


def _describe_known(address: Address, table: Table, choices: Choices) -> bigquery.Table:
    described = _describe(address, table, choices)
    described.table_constraints = _primary_key(table)
    days = choices.expiration_days.get(table.layer)
    if described.time_partitioning and days:
        described.time_partitioning = _by_day(str(table.partition), round(days * DAY_MS))
    return described


def _describe(address: Address, table: Table, choices: Choices) -> bigquery.Table:
    index = table_index(table)
    described = bigquery.Table(address.table(table.full_name), schema=_fields(table, choices))
    described.description = index["description"]
    described.labels = {**LABELS, "layer": table.layer, **choices.labels}
    described.clustering_fields = index["clustering"] or None
    if table.partition:
        described.time_partitioning = _by_day(table.partition, None)
    return described


def _by_day(column: str, expiration_ms: int | None) -> bigquery.TimePartitioning:
    return bigquery.TimePartitioning(field=column, expiration_ms=expiration_ms)


def _primary_key(table: Table) -> bigquery.table.TableConstraints:
    key = bigquery.table.PrimaryKey(list(table.key))
    return bigquery.table.TableConstraints(primary_key=key, foreign_keys=None)


def _fields(table: Table, choices: Choices) -> list[bigquery.SchemaField]:
    sensitive = {column.name for column in table.columns if column.is_sensitive}
    fields = []
    for described in table_fields(table):
        tags = choices.policy_tags
        tag = tags.get(described["name"], tags.get("")) if described["name"] in sensitive else None
        secured = {"policyTags": {"names": [tag]}} if tag else {}
        fields.append(bigquery.SchemaField.from_api_repr({**described, **secured}))
    return fields


def _turn_table(address: Address, choices: Choices) -> bigquery.Table:
    fields = [bigquery.SchemaField(n, kind, description=d) for n, kind, d in _TURN_FIELDS]
    table = bigquery.Table(address.table(f"ops.{TURN}"), schema=fields)
    table.description = "One row: which run commits."
    table.labels = {**LABELS, "layer": "ops", **choices.labels}
    return table
