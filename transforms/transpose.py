"""How do many objects of few shapes become columns, at little cost per record?

Records of one shape (the same keys in the same order, inside their known containers too) are put
next to each other; each of their fields is then one contiguous list of values.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOP = ""
CONTAINERS = ("context", "device", "metadata", "payload")

Columns = dict[str, Sequence[Any]]


@dataclass
class Group:
    """Records of one shape: where they begin, how many, and their columns by scope and key."""

    start: int
    size: int
    scopes: dict[str, Columns]

    def columns(self) -> Iterator[tuple[tuple[str, str], Sequence[Any]]]:
        """Scope and key, and the values, of every field."""
        for scope, columns in self.scopes.items():
            yield from (((scope, key), values) for key, values in columns.items())


@dataclass
class Fields:
    """Records as columns. `order[i]` is the place in the input of the record in row i."""

    order: list[int]
    groups: list[Group]
    _columns: dict[tuple[str, str], list[tuple[int, Sequence[Any]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for group in self.groups:
            for place, values in group.columns():
                self._columns.setdefault(place, []).append((group.start, values))

    def column(self, scope: str, key: str) -> list[Any] | None:
        """Values of a field in row order, None where absent; None when no record has it."""
        pieces = self._columns.get((scope, key))
        if pieces is None:
            return None
        values: list[Any] = [None] * len(self.order)
        for start, piece in pieces:
            values[start : start + len(piece)] = piece
        return values

    def numbers(self, scope: str, key: str) -> np.ndarray | None:
        """The numbers of a field in row order, NaN where it holds none; None when nobody has it."""
        pieces = self._columns.get((scope, key))
        if pieces is None:
            return None
        values = np.full(len(self.order), np.nan)
        for start, piece in pieces:
            values[start : start + len(piece)] = _as_numbers(piece)
        return values

    def columns(self, scopes: Sequence[str], keys: Sequence[str]) -> Iterator[list[Any]]:
        """The columns that exist, scope by scope and in each key by key, in the order given."""
        found = (self.column(scope, key) for scope in scopes for key in keys)
        return (values for values in found if values is not None)


def _as_numbers(values: Sequence[Any]) -> np.ndarray | list[float]:
    if set(map(type, values)) <= {int, float}:
        try:
            return np.array(values, np.float64)
        except OverflowError:
            pass
    return [_as_number(value) for value in values]


def _as_number(value: Any) -> float:
    try:
        return float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def transpose(objects: Sequence[dict]) -> Fields:
    """Objects as columns, reordered so that equal shapes are neighbours."""
    order: list[int] = []
    groups: list[Group] = []
    for rows, members in _by_shape(objects):
        groups.append(Group(len(order), len(rows), _scopes(members)))
        order.extend(rows)
    return Fields(order, groups)


Members = tuple[list[int], list[dict]]
"""Rows of the records of one shape, and the records."""


def _by_shape(objects: Sequence[dict]) -> Iterator[Members]:
    rows = range(len(objects))
    for keys, members in _partition(rows, objects, map(tuple, objects)):
        containers = [name for name in CONTAINERS if name in keys]
        if containers:
            inner = (_shapes([member[name] for member in members[1]]) for name in containers)
            yield from (same for _, same in _partition(*members, zip(*inner, strict=True)))
        else:
            yield members


def _partition(
    rows: Iterable[int], records: Sequence[dict], shapes: Iterable[tuple]
) -> Iterator[tuple[tuple, Members]]:
    """Rows and records by shape, in the order of first appearance."""
    rows_of: dict[tuple, list[int]] = defaultdict(list)
    records_of: dict[tuple, list[dict]] = defaultdict(list)
    for row, record, shape in zip(rows, records, shapes, strict=True):
        rows_of[shape].append(row)
        records_of[shape].append(record)
    return ((shape, (found, records_of[shape])) for shape, found in rows_of.items())


def _shapes(values: list[Any]) -> Iterable[Any]:
    """Keys of objects; of anything else its type."""
    if set(map(type, values)) == {dict}:
        return map(tuple, values)
    return [tuple(value) if type(value) is dict else type(value) for value in values]


def _scopes(members: list[dict]) -> dict[str, Columns]:
    scopes = {TOP: _columns(members)}
    for name in CONTAINERS:
        values = scopes[TOP].get(name)
        if values is not None and type(values[0]) is dict:
            scopes[name] = _columns(values)
    return scopes


def _columns(members: Sequence[dict]) -> Columns:
    columns = zip(*map(dict.values, members), strict=True)
    return dict(zip(members[0], columns, strict=True))
