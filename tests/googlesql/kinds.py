"""How do values go to GoogleSQL and back? Its types, and polars' for the same.

A type is the name of a simple one (`INT64`), `{"array": type}` or `{"struct": [fields]}`; a field
and a column is `{"name": …, "type": type}`. Values go as JSON: dates as days and timestamps as
microseconds since 1970 (UTC), bytes as base64, records as lists.
"""

import base64
import datetime
from functools import cache
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from schemas.bigquery import table_fields
from schemas.tables import tables

Type = str | dict[str, Any]

_BIGQUERY = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_POLARS: dict[str, pl.DataType] = {
    "INT64": pl.Int64(),
    "FLOAT64": pl.Float64(),
    "STRING": pl.String(),
    "BOOL": pl.Boolean(),
    "BYTES": pl.Binary(),
    "DATE": pl.Date(),
    "TIMESTAMP": pl.Datetime("us", "UTC"),
}
_PYTHON = {
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    str: "STRING",
    bytes: "BYTES",
    datetime.datetime: "TIMESTAMP",
    datetime.date: "DATE",
}
_DAY_0 = datetime.date(1970, 1, 1)
_TIME_0 = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def columns_of(full_name: str, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The columns of a table: types from `schemas` where it describes them, else the frame's.

    KeyError for a polars type that has no counterpart.
    """
    known = _described().get(full_name, {})
    return [
        {"name": name, "type": known.get(name) or _type_of(dtype)}
        for name, dtype in frame.schema.items()
    ]


def bigquery_type(value: object) -> Type:
    """The type of a Python value that is a parameter; KeyError for a class that none has."""
    return _PYTHON[type(value)]


def polars_type(what: Type) -> pl.DataType:
    """The same type in polars; KeyError for one that our tables do not have."""
    if isinstance(what, str):
        return _POLARS[what]
    if "array" in what:
        return pl.List(polars_type(what["array"]))
    return pl.Struct({field["name"]: polars_type(field["type"]) for field in what["struct"]})


def encode(value: Any, what: Type) -> Any:
    """A Python value as JSON."""
    if value is None:
        return None
    if isinstance(what, dict) and "array" in what:
        return [encode(element, what["array"]) for element in value]
    if isinstance(what, dict):
        return [encode(value[field["name"]], field["type"]) for field in what["struct"]]
    if what == "BYTES":
        return base64.b64encode(value).decode()
    if what == "DATE":
        return (value - _DAY_0).days
    if what == "TIMESTAMP":
        time = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return (time - _TIME_0) // _MICROSECOND
    return value


def decode(value: Any, what: Type) -> Any:
    """The Python value of the JSON that `encode` makes."""
    if value is None:
        return None
    if isinstance(what, dict) and "array" in what:
        return [decode(element, what["array"]) for element in value]
    if isinstance(what, dict):
        pairs = zip(what["struct"], value, strict=True)
        return {field["name"]: decode(inner, field["type"]) for field, inner in pairs}
    if what == "BYTES":
        return base64.b64decode(value)
    if what == "DATE":
        return _DAY_0 + datetime.timedelta(days=value)
    if what == "TIMESTAMP":
        return _TIME_0 + datetime.timedelta(microseconds=value)
    return value


@cache
def _described() -> dict[str, dict[str, Type]]:
    return {
        table.full_name: {field["name"]: _field_type(field) for field in table_fields(table)}
        for table in tables().values()
    }


def _field_type(field: dict[str, Any]) -> Type:
    what: Type = _BIGQUERY.get(field["type"], field["type"])
    if field["type"] == "RECORD":
        inner = [{"name": f["name"], "type": _field_type(f)} for f in field["fields"]]
        what = {"struct": inner}
    return {"array": what} if field["mode"] == "REPEATED" else what


def _type_of(dtype: pl.DataType | DataTypeClass) -> Type:
    if isinstance(dtype, pl.List):
        return {"array": _type_of(dtype.inner)}
    if isinstance(dtype, pl.Struct):
        fields = [{"name": field.name, "type": _type_of(field.dtype)} for field in dtype.fields]
        return {"struct": fields}
    if dtype.is_integer():
        return "INT64"
    if dtype.is_float():
        return "FLOAT64"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    names: dict[Any, str] = {known: name for name, known in _POLARS.items()}
    return names[dtype]
