"""What does a dialect or a table look like as JSON Schema (draft 2020-12)?"""

from typing import Any

from schemas.dialects import VERSION, Dialect
from schemas.fields import Field
from schemas.kinds import Kind, kind
from schemas.tables import SCHEMA_VERSION, Table

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "json": {"type": "string", "contentMediaType": "application/json"},
    "integer": {"type": "integer"},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}


def dialect_document(dialect: Dialect) -> dict[str, Any]:
    """The published schema of a dialect; unknown fields are allowed."""
    document: dict[str, Any] = {
        "$schema": DRAFT,
        "$id": f"urn:chapterflow:dialect:{dialect.name}:{VERSION}",
        "title": dialect.name,
        "description": dialect.description,
        "version": VERSION,
        "type": "object",
        "required": [field.name for field in dialect.fields if field.is_required],
        "properties": {field.name: _property(field) for field in dialect.fields},
        "additionalProperties": True,
        "examples": list(dialect.examples),
    }
    if dialect.one_of:
        document["allOf"] = [{"anyOf": [_has(n) for n in names]} for names in dialect.one_of]
    return document


def table_document(table: Table) -> dict[str, Any]:
    """The schema of a table's row as JSON, as the API and exports give it."""
    columns = {column.name: (kind(column.type), column) for column in table.columns}
    return {
        "$schema": DRAFT,
        "$id": f"urn:chapterflow:table:{table.full_name}:{SCHEMA_VERSION}",
        "title": table.full_name,
        "description": f"{table.grain[0].upper()}{table.grain[1:]}.",
        "version": str(SCHEMA_VERSION),
        "type": "object",
        "required": list(columns),
        "properties": {
            name: _value(what) | {"description": column.description}
            for name, (what, column) in columns.items()
        },
        "additionalProperties": True,
    }


def _property(field: Field) -> dict[str, Any]:
    # The pipeline takes a measure of a wrong type as missing, so the schema must not refuse it.
    if field.is_measure:
        hint = f"Of type {' or '.join(field.types)}; anything else counts as missing."
        return {"description": f"{field.description} {hint}"}
    types = list(field.types) if field.is_required else [*field.types, "null"]
    rendered: dict[str, Any] = {"type": types if len(types) > 1 else types[0]}
    if field.fields:
        rendered["properties"] = {inner.name: _property(inner) for inner in field.fields}
        rendered["additionalProperties"] = True
    return rendered | dict(field.rules) | {"description": field.description}


def _has(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _value(what: Kind) -> dict[str, Any]:
    one: dict[str, Any] = _record(what) if what.fields else dict(_TYPES[what.word])
    rendered: dict[str, Any] = {"type": "array", "items": one} if what.is_list else one
    if what.is_nullable:
        rendered["type"] = [rendered["type"], "null"]
    return rendered


def _record(what: Kind) -> dict[str, Any]:
    properties = {name: _value(inner) for name, inner in what.fields}
    return {"type": "object", "required": list(properties), "properties": properties}
