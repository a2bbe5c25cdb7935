"""How do many objects of few shapes become columns, at little cost per record?

Records of one shape (the same keys in the same order, inside their known containers too) are put
next to each other; each of their fields is then one contiguous list of values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

TOP = ""
CONTAINERS = ("context", "device", "metadata", "payload")

Columns = dict[str, Sequence[Any]]


@dataclass
class Group:
    """Records of one shape: where they begin, how many, and their columns by scope and key."""

    start: int
    size: int
    scopes: dict[str, Columns]


@dataclass
class Fields:
    """Records as columns. `order[i]` is the place in the input of the record in row i."""

    order: list[int]
    groups: list[Group]
    _columns: dict[tuple[str, str], list[tuple[int, Sequence[Any]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for group in self.groups:
            for scope, columns in group.scopes.items():
                for key, values in columns.items():
                    self._columns.setdefault((scope, key), []).append((group.start, values))

    def column(self, scope: str, key: str) -> list[Any] | None:
        """Values of a field in row order, None where absent; None when no record has it."""
        pieces = self._columns.get((scope, key))
        if pieces is None:
            return None
        values: list[Any] = [None] * len(self.order)
        for start, piece in pieces:
            values[start : start + len(piece)] = piece
        return values

    def columns(self, scopes: Sequence[str], keys: Sequence[str]) -> Iterator[list[Any]]:
        """The columns that exist, scope by scope and in each key by key, in the order given."""
        found = (self.column(scope, key) for scope in scopes for key in keys)
        return (values for values in found if values is not None)


def transpose(objects: Sequence[dict]) -> Fields:
    """Objects as columns, reordered so that equal shapes are neighbours."""
    order: list[int] = []
    groups: list[Group] = []
    for rows in _rows_by_shape(objects):
        members = [objects[row] for row in rows]
        groups.append(Group(len(order), len(rows), _scopes(members)))
        order.extend(rows)
    return Fields(order, groups)


def _rows_by_shape(objects: Sequence[dict]) -> Iterator[list[int]]:
    by_keys: dict[tuple, list[int]] = {}
    for row, keys in enumerate(map(tuple, objects)):
        by_keys.setdefault(keys, []).append(row)
    for keys, rows in by_keys.items():
        containers = [name for name in CONTAINERS if name in keys]
        yield from _split_by_containers(objects, rows, containers)


def _split_by_containers(
    objects: Sequence[dict], rows: list[int], containers: list[str]
) -> Iterator[list[int]]:
    if not containers:
        yield rows
        return
    by_shape: dict[Any, list[int]] = {}
    for row in rows:
        by_shape.setdefault(_inner_shape(objects[row], containers), []).append(row)
    yield from by_shape.values()


def _inner_shape(record: dict, containers: list[str]) -> tuple:
    values = (record[name] for name in containers)
    return tuple([tuple(v) if type(v) is dict else type(v) for v in values])


def _scopes(members: list[dict]) -> dict[str, Columns]:
    scopes = {TOP: _columns(members)}
    for name in CONTAINERS:
        values = scopes[TOP].get(name)
        if values is not None and type(values[0]) is dict:
            scopes[name] = _columns(values)
    return scopes


def _columns(members: Sequence[dict]) -> Columns:
    keys = tuple(members[0])
    return dict(zip(keys, zip(*[m.values() for m in members], strict=True), strict=True))
