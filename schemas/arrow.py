"""What does a table look like in Arrow, and so in Delta Lake and Parquet?"""

from collections.abc import Iterable
from functools import cache

import pyarrow as pa

from schemas import tables
from schemas.kinds import Kind, kind

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "bytes": pa.binary(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


@cache
def schema(table_name: str) -> pa.Schema:
    """The Arrow schema of a table. All fields are nullable in storage: Delta cannot relax later."""
    return schema_of(tables.get(table_name).columns)


def schema_of(columns: Iterable[tables.Column]) -> pa.Schema:
    """The Arrow schema of columns."""
    return pa.schema([pa.field(c.name, data_type(kind(c.type))) for c in columns])


def data_type(of: Kind) -> pa.DataType:
    """The Arrow type of a kind of value, lists and records included."""
    if of.word == "record":
        inner = pa.struct([pa.field(name, data_type(field)) for name, field in of.fields])
    else:
        inner = _TYPES[of.word]
    return pa.list_(inner) if of.is_list else inner
