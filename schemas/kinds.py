"""What kind of value does a column hold? The one reading of annotations that renderers share."""

import dataclasses
import datetime
import types
import typing

from schemas.tables import Json

_WORDS: dict[typing.Any, str] = {
    str: "text",
    Json: "json",
    int: "integer",
    float: "double",
    bool: "boolean",
    bytes: "bytes",
    datetime.datetime: "timestamp",
    datetime.date: "date",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """`word` is one of text, json, integer, double, boolean, bytes, timestamp, date, record.

    A record has `fields`: name and kind. A list holds many values of the kind.
    """

    word: str
    is_nullable: bool = False
    is_list: bool = False
    fields: tuple[tuple[str, "Kind"], ...] = ()


def kind(annotation: typing.Any) -> Kind:
    """The kind of a column's annotation; KeyError for one that no table may use."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return dataclasses.replace(kind(inner), is_nullable=True)
    if typing.get_origin(annotation) is list:
        return dataclasses.replace(kind(arguments[0]), is_list=True)
    if dataclasses.is_dataclass(annotation):
        fields = dataclasses.fields(annotation)
        return Kind("record", fields=tuple((field.name, kind(field.type)) for field in fields))
    return Kind(_WORDS[annotation])
