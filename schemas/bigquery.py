"""What does a table look like in BigQuery? Fields with type, mode and description."""

from typing import Any

from schemas.kinds import Kind, kind
from schemas.tables import Table

# JSON stays text: JSON_VALUE reads it, and Parquet files load into STRING but not into JSON.
_TYPES = {
    "text": "STRING",
    "json": "STRING",
    "integer": "INTEGER",
    "double": "FLOAT",
    "boolean": "BOOLEAN",
    "bytes": "BYTES",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "record": "RECORD",
}
_MOST_CLUSTERED = 4
_CANNOT_CLUSTER = ("bytes", "double", "record")


def table_fields(table: Table) -> list[dict[str, Any]]:
    """The schema as `bq mk` and `google_bigquery_table.schema` take it: a list of fields."""
    return [
        _field(column.name, kind(column.type)) | {"description": column.description}
        for column in table.columns
    ]


def clustering(table: Table) -> list[str]:
    """Up to four columns of the key, in its order, without the partition."""
    kinds = {column.name: kind(column.type).word for column in table.columns}
    usable = [
        name for name in table.key if name != table.partition and kinds[name] not in _CANNOT_CLUSTER
    ]
    return usable[:_MOST_CLUSTERED]


def table_index(table: Table) -> dict[str, Any]:
    """What a deployment needs to know of a table beyond its fields."""
    return {
        "layer": table.layer,
        "table": table.name,
        "description": _sentence(table.grain),
        "key": list(table.key),
        "partition": table.partition,
        "clustering": clustering(table),
        "sensitive_columns": [column.name for column in table.columns if column.is_sensitive],
    }


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _field(name: str, what: Kind) -> dict[str, Any]:
    field: dict[str, Any] = {"name": name, "type": _TYPES[what.word], "mode": _mode(what)}
    if what.fields:
        field["fields"] = [_field(inner_name, inner) for inner_name, inner in what.fields]
    return field


def _mode(what: Kind) -> str:
    # BigQuery has no null list: a list that is null locally is empty there.
    if what.is_list:
        return "REPEATED"
    return "NULLABLE" if what.is_nullable else "REQUIRED"
