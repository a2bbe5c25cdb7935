"""How is a table described? One dataclass per table, one `column` per field, said once.

Everything else about a table (Arrow and Delta schema, BigQuery schema, JSON Schema, data
dictionary) is rendered from these descriptions, so that nothing is described twice.
"""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any, NewType

Json = NewType("Json", str)
"""JSON kept as compact text with sorted keys."""

SCHEMA_VERSION = 1
"""Stamped on every row; raised when a column is added."""

LAYERS = ("silver", "gold", "ops")

_REGISTRY: dict[str, "Table"] = {}


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: its Python type says the storage type, `description` the meaning and unit."""

    name: str
    type: Any
    description: str
    is_sensitive: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: where it lives, what a row is, and what identifies a row."""

    layer: str
    name: str
    grain: str
    key: tuple[str, ...]
    partition: str | None
    columns: tuple[Column, ...]

    @property
    def path(self) -> str:
        """`layer/name`, the folder of the table below a warehouse."""
        return f"{self.layer}/{self.name}"

    @property
    def full_name(self) -> str:
        """`layer.name`, the name of the table in SQL."""
        return f"{self.layer}.{self.name}"


def column(description: str, *, is_sensitive: bool = False) -> Any:
    """A field of a table class; the description ends with the unit where there is one."""
    return dataclasses.field(
        default=None, metadata={"description": description, "is_sensitive": is_sensitive}
    )


@dataclasses.dataclass
class Stamp:
    """The columns that every table ends with."""

    processed_at: datetime.datetime = column("When the run that wrote the row started (UTC).")  # noqa: RUF009
    schema_version: int = column("Version of the schema the row was written with.")


def table(
    layer: str, grain: str, key: tuple[str, ...], partition: str | None = None, name: str = ""
) -> Callable[[type], type]:
    """Register a class as the description of a table; its docstring is prose for the dictionary."""

    def register(cls: type) -> type:
        described: type = dataclasses.dataclass(cls)
        table_name = name or snake_case(cls.__name__)
        columns = _columns_of(described) + _columns_of(Stamp)
        _REGISTRY[table_name] = Table(layer, table_name, grain, key, partition, columns)
        return described

    return register


def snake_case(name: str) -> str:
    """`ChapterVisits` -> `chapter_visits`."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def tables() -> dict[str, Table]:
    """Every table of the product by name, in the order of declaration."""
    from schemas import dimensions, gold_daily, gold_range, intelligence, operations, silver

    assert all((silver, gold_daily, gold_range, intelligence, dimensions, operations))
    return _REGISTRY


def get(name: str) -> Table:
    """The table called `name`; KeyError when there is none."""
    return tables()[name]


def _columns_of(cls: type) -> tuple[Column, ...]:
    hints = {field.name: field.type for field in dataclasses.fields(cls)}
    return tuple(
        Column(field.name, hints[field.name], **field.metadata) for field in dataclasses.fields(cls)
    )
