"""What has to change in BigQuery, so that the tables are as the schemas say? Never a loss."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from pipelines.outputs.bigquery.address import CURRENT, Address
from pipelines.outputs.bigquery.connect import refusals
from pipelines.outputs.bigquery.describe_tables import (
    OWN_LABELS,
    Choices,
    datasets,
    described_tables,
    described_views,
)

_AT_ONCE = 8
_SAME_TYPES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}


@dataclass(frozen=True)
class Step:
    """A change: in words, whether rows can be written without it, and how it is made."""

    words: str
    is_needed: bool
    make: Callable[[bigquery.Client], object]


@dataclass(frozen=True)
class Plan:
    """The steps in order, and what no step can mend: a line each."""

    steps: Sequence[Step]
    conflicts: Sequence[str]


def plan(
    client: bigquery.Client, address: Address, choices: Choices, location: str | None = None
) -> Plan:
    """Compare what is there with the schemas. Nothing is changed.

    Raises WarehouseError or BigQueryError when BigQuery cannot be asked.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        wanted = datasets(address, choices, location)
        there = list(pool.map(partial(_find_dataset, client, address), wanted))
        named = {dataset.dataset_id for dataset, found in zip(wanted, there) if found}
        tables = [*described_tables(address, choices), *described_views(address)]
        look = partial(_find_table, client, address, named)
        pairs = list(zip(tables, pool.map(look, tables)))
    conflicts = [line for pair in pairs for line in _conflicts(*pair)]
    steps = [step for pair in zip(wanted, there) for step in _dataset_steps(*pair)]
    return Plan(steps + [step for pair in pairs for step in _table_steps(*pair)], conflicts)


def _find_dataset(
    client: bigquery.Client, address: Address, wanted: bigquery.Dataset
) -> bigquery.Dataset | None:
    with refusals(address, f"look at the dataset {wanted.dataset_id}"):
        try:
            return client.get_dataset(wanted.reference)
        except NotFound:
            return None


def _find_table(
    client: bigquery.Client, address: Address, datasets: Collection[str], wanted: bigquery.Table
) -> bigquery.Table | None:
    if wanted.dataset_id not in datasets:
        return None
    with refusals(address, f"look at {wanted.dataset_id}.{wanted.table_id}"):
        try:
            return client.get_table(wanted.reference)
        except NotFound:
            return None


def _dataset_steps(wanted: bigquery.Dataset, found: bigquery.Dataset | None) -> list[Step]:
    if found is None:
        words = f"create dataset {wanted.dataset_id}"
        return [Step(words, True, lambda c: c.create_dataset(wanted, exists_ok=True))]
    changed = [] if found.description else _assign(found, wanted, ("description",))
    changed += _add_labels(found, wanted)
    if not changed:
        return []
    words = f"change dataset {wanted.dataset_id}: {', '.join(changed)}"
    return [Step(words, False, lambda c: c.update_dataset(found, changed))]


def _table_steps(wanted: bigquery.Table, found: bigquery.Table | None) -> list[Step]:
    name = f"{wanted.dataset_id}.{wanted.table_id}"
    kind = "view" if wanted.view_query else "table"
    if found is None:
        words = f"create {kind} {name}"
        is_needed = kind == "table" or wanted.table_id.endswith(CURRENT)
        return [Step(words, is_needed, lambda c: c.create_table(wanted, exists_ok=True))]
    notes, schema = _merge(found.schema, wanted.schema) if kind == "table" else ([], [])
    changed = _assign(found, wanted, ("description", "view_query")) + _add_labels(found, wanted)
    changed += _assign_expiration(found, wanted)
    fields = [*changed, *(["schema"] if notes else [])]
    if not fields:
        return []
    if notes:
        found.schema = schema
    words = f"change {kind} {name}: {', '.join([*notes, *changed])}"
    is_needed = any(note.startswith("add ") for note in notes)
    return [Step(words, is_needed, lambda c: c.update_table(found, fields))]


def _conflicts(wanted: bigquery.Table, found: bigquery.Table | None) -> list[str]:
    """What would need the table to be made anew: types, lists, partition."""
    name = f"{wanted.dataset_id}.{wanted.table_id}"
    if found is None:
        return []
    if bool(wanted.view_query) != bool(found.view_query):
        return [f"{name}: there is a {found.table_type.lower()} of that name"]
    if wanted.view_query:
        return []
    lines = [f"{name}: {line}" for line in _field_conflicts(found.schema, wanted.schema, "")]
    one, other = (_partition_of(table) for table in (found, wanted))
    if one != other:
        lines.append(f"{name}: is partitioned by {one or 'nothing'}, not by {other or 'nothing'}")
    return lines


def _field_conflicts(
    found: Iterable[bigquery.SchemaField], wanted: Iterable[bigquery.SchemaField], above: str
) -> list[str]:
    there = {field.name.lower(): field for field in found}
    lines = []
    for field in wanted:
        old, name = there.pop(field.name.lower(), None), f"{above}{field.name}"
        if old is None:
            continue
        if _kind(old) != _kind(field):
            lines.append(f"column {name} is {_kind(old)}, not {_kind(field)}")
        lines += _field_conflicts(old.fields, field.fields, f"{name}.")
    required = [field.name for field in there.values() if field.mode == "REQUIRED"]
    return lines + [f"column {above}{name} is required, but no row has it" for name in required]


def _merge(
    found: Sequence[bigquery.SchemaField], wanted: Sequence[bigquery.SchemaField], above: str = ""
) -> tuple[list[str], list[bigquery.SchemaField]]:
    """What is to be said of changes, and the fields with them: none is left out or moved."""
    news = {field.name.lower(): field for field in wanted}
    notes: list[str] = []
    fields = []
    for old in found:
        new = news.pop(old.name.lower(), None)
        said, field = _merge_field(old, new, above) if new else ([], old)
        notes += said
        fields.append(field)
    # A column that is added can be required of no row: those that are there lack it.
    for new in news.values():
        mode = "REPEATED" if new.mode == "REPEATED" else "NULLABLE"
        fields.append(bigquery.SchemaField.from_api_repr({**new.to_api_repr(), "mode": mode}))
        notes.append(f"add column {above}{new.name}")
    return notes, fields


def _merge_field(
    old: bigquery.SchemaField, new: bigquery.SchemaField, above: str
) -> tuple[list[str], bigquery.SchemaField]:
    name = f"{above}{new.name}"
    notes, inner = _merge(old.fields, new.fields, f"{name}.")
    changed: dict[str, Any] = {}
    if inner:
        changed["fields"] = [field.to_api_repr() for field in inner]
    if old.mode == "REQUIRED" and new.mode == "NULLABLE":
        changed["mode"] = "NULLABLE"
        notes.append(f"no longer require column {name}")
    if new.description and old.description != new.description:
        changed["description"] = new.description
        notes.append(f"describe column {name}")
    if new.policy_tags and old.policy_tags != new.policy_tags:
        changed["policyTags"] = new.policy_tags.to_api_repr()
        notes.append(f"tag column {name}")
    return notes, bigquery.SchemaField.from_api_repr({**old.to_api_repr(), **changed})


def _assign(found: Any, wanted: Any, names: Sequence[str]) -> list[str]:
    changed = []
    for name in names:
        value = getattr(wanted, name, None)
        if value and getattr(found, name) != value:
            setattr(found, name, value)
            changed.append(name)
    return changed


def _add_labels(found: Any, wanted: Any) -> list[str]:
    """Labels of others stay, and what Terraform made goes without those that are ours."""
    asked = {name: value for name, value in wanted.labels.items() if name not in OWN_LABELS}
    labels: Mapping[str, str] = {**found.labels, **asked}
    if labels == found.labels:
        return []
    found.labels = labels
    return ["labels"]


def _assign_expiration(found: bigquery.Table, wanted: bigquery.Table) -> list[str]:
    new, old = wanted.time_partitioning, found.time_partitioning
    if new is None or new.expiration_ms is None or old.expiration_ms == new.expiration_ms:
        return []
    found.time_partitioning = new
    return ["time_partitioning"]


def _partition_of(table: bigquery.Table) -> str | None:
    return table.time_partitioning.field if table.time_partitioning else None


def _kind(field: bigquery.SchemaField) -> str:
    name = _SAME_TYPES.get(field.field_type, field.field_type)
    return f"{name} list" if field.mode == "REPEATED" else name
