"""How does a row of Parquet or Avro become the bytes of a record?"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

# Keys sorted, decimals as numbers, dates and times as ISO-8601, NaN and infinity as null.
_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number", enc_hook=str)


def json_row(row: dict[str, Any]) -> bytes:
    """Compact JSON with sorted keys; bytes as UTF-8 text, or base64 where they are not."""
    return _ENCODER.encode(plain(row))


def json_rows(batch: pa.RecordBatch) -> list[bytes]:
    """One JSON object per row of an Arrow batch, as `json_row`."""
    names = batch.schema.names
    if not names:
        return [b"{}"] * batch.num_rows
    columns = [_values(column) for column in batch.columns]
    encode = _ENCODER.encode
    return [encode(dict(zip(names, row))) for row in zip(*columns)]


def plain(value: Any) -> Any:
    """The value with what JSON cannot say said otherwise, at any depth."""
    if isinstance(value, dict):
        return {_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _values(column: pa.Array) -> Sequence[Any]:
    """Python values of a column, ready for the encoder."""
    target = _target_type(column.type)
    if target != column.type:
        column = column.cast(target, safe=False)
    try:
        values = column.to_pylist(maps_as_pydicts="lossy")
    except (ValueError, OverflowError, pa.ArrowException):
        # A year beyond 9999 or text that is not UTF-8: only those values are spelled otherwise.
        values = [_scalar_value(scalar) for scalar in column]
    return [plain(value) for value in values] if _needs_plain(target) else values


def _target_type(kind: pa.DataType) -> pa.DataType:
    """The type with dictionaries unpacked, zones as UTC and no nanoseconds, at any depth."""
    if pa.types.is_dictionary(kind):
        return _target_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us" if kind.unit == "ns" else kind.unit, kind.tz and "UTC")
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_struct(kind):
        return pa.struct([_target_field(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_target_type(kind.key_type), _target_field(kind.item_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_target_field(kind.value_field))
    return pa.list_(_target_field(kind.value_field)) if pa.types.is_list(kind) else kind


def _target_field(field: pa.Field) -> pa.Field:
    return field.with_type(_target_type(field.type))


def _needs_plain(kind: pa.DataType) -> bool:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return False
    return not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind))


def _scalar_value(scalar: pa.Scalar) -> Any:
    """The value, or what it holds as text, where Python has no such value."""
    try:
        return scalar.as_py(maps_as_pydicts="lossy")
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    if isinstance(scalar, pa.StructScalar):
        return {name: _scalar_value(value) for name, value in scalar.items()}
    if isinstance(scalar, pa.MapScalar):
        pairs = (list(pair.values()) for pair in scalar.values)
        return {_key(_scalar_value(key)): _scalar_value(value) for key, value in pairs}
    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar):
        return [_scalar_value(value) for value in scalar.values]
    if isinstance(scalar, pa.StringScalar | pa.LargeStringScalar):
        return _text(scalar.as_buffer().to_pybytes())
    return str(scalar.value)
