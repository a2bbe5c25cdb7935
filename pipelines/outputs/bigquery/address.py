"""What does `bq://project.prefix` name? A project, and its datasets silver, gold and ops."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.options.flags import UsageError
from schemas import streamed, tables

SCHEME = "bq://"
STAGED = "staged"
"""The dataset beside silver, gold and ops where rows wait for their commit."""
NUMBERED = "question_attempts_numbered"
"""The view that `silver.question_attempts` means in queries: the rows with attempt_number."""
CURRENT = "_current"
"""Ends the name of a view of a table's rows as of now."""
_FORM = re.compile(r"bq://(?P<project>[a-z][a-z0-9-]{4,28}[a-z0-9])(?:\.(?P<prefix>[A-Za-z]\w*))?")
_LEAVE = (
    r"--[^\n]*|\#[^\n]*|/\*[\s\S]*?\*/"
    r"|'''[\s\S]*?'''|\"\"\"[\s\S]*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
)
"""Comments and texts of GoogleSQL: names in them stay as they are."""
_NAME = re.compile(
    rf"{_LEAVE}|(?<![\w.`])`?(?P<layer>{'|'.join(tables.LAYERS)})`?\.`?(?P<table>\w+)`?"
)


@dataclass(frozen=True)
class Address:
    """A warehouse in BigQuery. Without a prefix its datasets are called as the layers are."""

    project: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.project}{'.' if self.prefix else ''}{self.prefix}"

    def dataset(self, layer: str) -> str:
        """`project.prefix_silver`."""
        return f"{self.project}.{self.prefix}{'_' if self.prefix else ''}{layer}"

    def table(self, full_name: str) -> str:
        """`project.prefix_silver.events` for `silver.events`."""
        layer, _, name = full_name.partition(".")
        return f"{self.dataset(layer)}.{name}"

    def current(self, full_name: str) -> str:
        """Where the rows of a table are as of now: a view of those that a stream writes."""
        is_streamed = full_name in (table.full_name for table in streamed.streamed())
        return self.table(full_name) + (CURRENT if is_streamed else "")

    def localise(self, sql: str, instead: Mapping[str, str] = MappingProxyType({})) -> str:
        """A query over silver, gold and ops with the names that the tables have here.

        Comments and texts stay. A table that a stream writes is the view of its current rows,
        `silver.question_attempts` that of them with attempt_number.
        `instead`: whole names of tables that are to be read for others, by the others' full names.
        """
        return _NAME.sub(lambda found: self._name(found, instead), sql)

    def _name(self, found: re.Match[str], instead: Mapping[str, str]) -> str:
        if found["layer"] is None:
            return found[0]
        full_name = f"{found['layer']}.{found['table']}"
        if full_name in instead:
            return f"`{instead[full_name]}`"
        if full_name == "silver.question_attempts":
            return f"`{self.table(f'silver.{NUMBERED}')}`"
        return f"`{self.current(full_name)}`"


def is_bigquery(warehouse: str) -> bool:
    """Whether a warehouse is one of BigQuery, well named or not."""
    return warehouse.startswith(SCHEME)


def parse(warehouse: str) -> Address:
    """The address that `--warehouse` says. Raises UsageError."""
    found = _FORM.fullmatch(warehouse)
    if found is None:
        raise UsageError(
            f"--warehouse={warehouse} is no BigQuery address: give bq://project or "
            "bq://project.prefix, for datasets prefix_silver, prefix_gold and prefix_ops"
        )
    return Address(found["project"], found["prefix"] or "")
