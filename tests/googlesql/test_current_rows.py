"""Does the view of current rows say in GoogleSQL itself what slow Python says of a stream?"""

import datetime
import re

import pytest

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.changes import changes_of
from pipelines.outputs.bigquery.current_rows import current_rows, newest_changes, rounds_between
from pipelines.outputs.bigquery.describe_tables import described_views
from pipelines.outputs.bigquery.fold import Touched, Unfolded, put_changes
from pipelines.outputs.bigquery.statements import keep_new
from schemas.streamed import streamed
from schemas.tables import Table, get
from tests.bigquery.stream_history import DATES, NAMES, History, frame
from tests.googlesql.agree import assert_same_rows
from tests.googlesql.engine import Engine

_THERE = Address("my-school", "x")
_NOW = datetime.datetime(2025, 1, 6, tzinfo=datetime.UTC)


def _as_in_engine(sql: str) -> str:
    return re.sub(r"`my-school\.x_(\w+)\.(\w+)`", r"\1.\2", sql)


def _load(engine: Engine, history: History, table: Table) -> None:
    stored, changes = history.frames(table)
    for name, rows in history.internal().items():
        engine.load(name, rows)
    engine.load(table.full_name, stored)
    engine.load(changes_of(table).full_name, changes)


@pytest.mark.parametrize("seed", range(6))
def test_current_rows_are_those_of_a_slow_reference(googlesql: Engine, seed: int) -> None:
    history = History(seed, _NOW)
    for _ in range(3):
        history.append_rounds(4)
        for table in map(get, NAMES):
            _load(googlesql, history, table)
            found = googlesql.run(_as_in_engine(current_rows(_THERE, table)))
            assert_same_rows(frame(table, history.current(table.name)), found)
        history.fold()


def test_what_a_fold_takes_is_what_readers_saw(googlesql: Engine) -> None:
    history, table = History(7, _NOW), get("geo_daily")
    history.stored["geo_daily"] = []
    history.append_rounds(8)
    _load(googlesql, history, table)
    until = max((r.commit["epoch"], r.commit["number"]) for r in history.rounds if r.is_whole)
    sql = newest_changes(_THERE, table, rounds_between(_THERE, (0, 0), until))
    names = ", ".join(column.name for column in table.columns)
    found = googlesql.run(_as_in_engine(f"SELECT {names} FROM ({sql}) WHERE NOT is_deleted"))
    assert found.height
    assert_same_rows(frame(table, history.current("geo_daily")), found)


def test_every_view_is_one_that_googlesql_takes(googlesql: Engine) -> None:
    history = History(0, _NOW)
    for name, rows in history.internal().items():
        googlesql.load(name, rows)
    for table in streamed():
        googlesql.load(table.full_name, frame(table, []))
        googlesql.load(changes_of(table).full_name, frame(changes_of(table), []))
        assert googlesql.run(_as_in_engine(current_rows(_THERE, table))).is_empty()
    assert len(described_views(_THERE)) == len(streamed()) + 2


def test_what_changes_tables_reads_them_as_googlesql_does(googlesql: Engine) -> None:
    history = History(3, _NOW)
    history.append_rounds(3)
    for name, rows in history.internal().items():
        googlesql.load(name, rows)
    found = Unfolded((0, 0), (9, 9), 3, _NOW, None)
    for table in map(get, NAMES):
        _load(googlesql, history, table)
        here = _THERE.table(table.full_name)
        texts = [
            *put_changes(_THERE, table, found, Touched(1, 1, {*DATES})),
            keep_new(here, here, table),
        ]
        for text in texts:
            googlesql.run(_as_in_engine(_read_part(text)))


def _read_part(statement: str) -> str:
    """What a DELETE or INSERT reads, as a query: the engine takes no others."""
    text = statement.rstrip(";")
    if text.startswith("DELETE"):
        return "SELECT * " + text.removeprefix("DELETE ")
    return text[text.index("SELECT") :]
