"""What might a stream have appended? Made-up rounds, and by slow Python the rows that they mean."""

import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipelines.outputs.bigquery.changes import COMMITS, POSITION, changes_of
from schemas import arrow
from schemas.kinds import Kind, kind
from schemas.streamed import FIRST_STAYS, identity
from schemas.tables import Table, get

NAMES = ("geo_daily", "dim_questions", "video_views", "question_attempts", "dead_letters")
"""With nulls in keys; without dates; with the date beside the key; read by a view; first stays."""
DATES = [datetime.date(2025, 1, day) for day in (1, 2, 5)]
_TIME = datetime.datetime(2025, 1, 1, 12, tzinfo=datetime.UTC)
_KEYS: dict[str, tuple[Any, ...]] = {
    "text": ("a", "b", "null", ""),
    "date": tuple(DATES),
    "timestamp": (_TIME, _TIME + datetime.timedelta(microseconds=1)),
}
_VALUES: dict[str, Callable[[int], Any]] = {
    "text": lambda n: f"t{n}",
    "json": lambda n: f'{{"n":{n}}}',
    "integer": lambda n: n,
    "double": lambda n: n / 4,
    "boolean": lambda n: n % 2 == 0,
    "bytes": lambda n: bytes([n % 256]),
    "timestamp": lambda n: _TIME + datetime.timedelta(seconds=n),
    "date": lambda n: DATES[n % len(DATES)],
    "record": lambda n: None,
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Round:
    """What was appended with one commit id, and the row that makes it count, if it came to that."""

    commit: Row
    is_whole: bool
    changes: dict[str, list[Row]]


@dataclass
class History:
    """A warehouse with a stream. `stored`: rows of the tables; `position`: what is in them."""

    seed: int
    now: datetime.datetime
    stored: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in NAMES})
    rounds: list[Round] = field(default_factory=list)
    position: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._values = iter(range(10**9))
        self._last = [(1, 0)]
        for name in NAMES:
            keys = {_key(get(name), row): row for row in self._rows(get(name), 4)}
            self.stored[name] = list(keys.values())

    def append_rounds(self, count: int) -> list[Round]:
        """More rounds: of the process, a new one, or one thought dead; some never become whole."""
        new = [self._round() for _ in range(count)]
        self.rounds += new
        return new

    def current(self, name: str) -> list[Row]:
        """The rows that a reader is to see."""
        table, found = get(name), {_key(get(name), row): row for row in self.stored[name]}
        for change in self._in_order(name):
            apart = _key(table, change)
            if table.name in FIRST_STAYS:
                found.setdefault(apart, change)
            elif change["is_deleted"]:
                found.pop(apart, None)
            else:
                found[apart] = change
        columns = [column.name for column in table.columns]
        return [{column: row[column] for column in columns} for row in found.values()]

    def fold(self) -> None:
        """The tables are what readers saw."""
        self.stored = {name: self.current(name) for name in NAMES}
        whole = [_place(each) for each in self.rounds if each.is_whole]
        self.position = max([self.position, *whole])

    def frames(self, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Its rows, and all changes that were ever appended to it."""
        changes = [row for each in self.rounds for row in each.changes[table.name]]
        return frame(table, self.stored[table.name]), frame(changes_of(table), changes)

    def internal(self) -> dict[str, pl.DataFrame]:
        """By full name: the rounds that are whole, and the position."""
        commits = [each.commit for each in self.rounds if each.is_whole]
        epoch, number = self.position
        position = {"epoch": 9, "holder": "r", "folded_epoch": epoch, "folded_number": number}
        return {
            COMMITS.full_name: frame(COMMITS, commits),
            POSITION.full_name: frame(POSITION, [position]),
        }

    def _round(self) -> Round:
        choice = self.random.random()
        if choice < 0.2:
            self._last.append((self._last[-1][0] + 1, 0))
        process = -1 if choice < 0.85 else self.random.randrange(len(self._last))
        epoch, number = self._last[process]
        self._last[process] = (epoch, number + 1)
        commit = {
            "commit_id": f"{self.random.getrandbits(64):x}",
            "epoch": epoch,
            "number": number + 1,
            "run_id": "r",
            "committed_at": self.now,
        }
        changes = {name: list(self._changes(get(name), commit)) for name in NAMES}
        return Round(commit, self.random.random() < 0.8, changes)

    def _changes(self, table: Table, commit: Row) -> Iterator[Row]:
        for revision, row in enumerate(self._rows(table, self.random.randrange(5))):
            gone = table.name not in FIRST_STAYS and self.random.random() < 0.3
            change = {
                **row,
                "is_deleted": gone,
                "revision": revision,
                "commit_id": commit["commit_id"],
                "committed_at": commit["committed_at"],
            }
            # A lost answer: the same is appended again.
            yield from [change] * self.random.choice([1, 1, 2])

    def _rows(self, table: Table, count: int) -> list[Row]:
        apart = identity(table)
        return [
            {
                column.name: self._part(kind(column.type))
                if column.name in apart
                else _value(kind(column.type), next(self._values))
                for column in table.columns
            }
            for _ in range(count)
        ]

    def _part(self, what: Kind) -> Any:
        return self.random.choice([*_KEYS[what.word], *([None] if what.is_nullable else [])])

    def _in_order(self, name: str) -> list[Row]:
        """The changes that count and are not in the tables, the earliest first."""
        counted = [r for r in self.rounds if r.is_whole and _place(r) > self.position]
        changes = [(*_place(r), row["revision"], row) for r in counted for row in r.changes[name]]
        return [change[-1] for change in sorted(changes, key=lambda change: change[:3])]


def frame(table: Table, rows: list[Row]) -> pl.DataFrame:
    """Rows with the types that they have in files."""
    empty = pl.DataFrame(arrow.schema_of(table.columns).empty_table())
    return pl.DataFrame(rows, schema=empty.schema)


def _place(round_: Round) -> tuple[int, int]:
    return round_.commit["epoch"], round_.commit["number"]


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in identity(table))


def _value(what: Kind, n: int) -> Any:
    if what.is_list:
        return []
    return None if what.is_nullable and n % 5 == 0 else _VALUES[what.word](n)
