"""Does a query answer the same in DuckDB and in GoogleSQL itself?"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import duckdb
import polars as pl

from pipelines.models.sql_models import inputs_of, run_sql, teach_googlesql
from pipelines.readers import views
from schemas import arrow
from schemas.tables import LAYERS, tables
from tests.compare_rows import RELATIVE_TOLERANCE
from tests.googlesql.engine import Engine

Frames = Mapping[str, pl.DataFrame]
_SHOWN = 5


def assert_both_engines_agree(
    engine: Engine, sql: str, frames: Frames, parameters: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """The rows that DuckDB answers; AssertionError unless GoogleSQL's are the same, in any order.

    `frames`: the tables by full name (`silver.sessions`); those that the query names and that are
    not given are empty, and `attempt_number` and `silver.video_events` are derived where they are
    not given. Columns and their types must be the same, doubles to a relative 1e-9. Raises
    GoogleSqlError or duckdb.Error for a query that fails.
    """
    wanted = _named(inputs_of(sql), frames)
    for name, frame in wanted.items():
        engine.load(name, frame)
    theirs = engine.run(sql, parameters)
    ours = in_duckdb(sql, wanted, parameters)
    assert_same_rows(ours, theirs)
    return ours


def in_duckdb(
    sql: str, frames: Frames, parameters: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """The rows of a query in DuckDB over frames by full name."""
    with _connected(frames) as connection:
        return run_sql(connection, sql, parameters or {})


def assert_same_rows(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """AssertionError unless two frames hold the same columns and rows, in any order of rows.

    `ours` are DuckDB's: its narrow integers are INT64 and a null list is empty, as in BigQuery.
    """
    ours = ours.with_columns(pl.col(pl.List).fill_null([])) if _has_lists(ours) else ours
    types = {name: _widened(dtype) for name, dtype in ours.schema.items()}
    assert types == dict(theirs.schema), "DuckDB's columns, then GoogleSQL's"
    only_ours, only_theirs = _different(ours.rows(), theirs.rows())
    texts = [f"{len(only_ours)} rows only in DuckDB, {len(only_theirs)} only in GoogleSQL"]
    texts += [f"DuckDB    {_row(ours, row)}" for row in only_ours[:_SHOWN]]
    texts += [f"GoogleSQL {_row(theirs, row)}" for row in only_theirs[:_SHOWN]]
    assert not only_ours, "\n".join(texts)
    assert not only_theirs, "\n".join(texts)


def _named(names: tuple[str, ...], frames: Frames) -> dict[str, pl.DataFrame]:
    """The frames that a query reads, with what the views add to the tables."""
    known = {**_empty_tables(), **frames}
    video_events = f"silver.{views.VIDEO_EVENTS}"
    if video_events in names and video_events not in frames:
        with _connected({"silver.events": known["silver.events"]}) as connection:
            connection.execute(views.video_events())
            known[video_events] = connection.sql(f"FROM {video_events}").pl()
    for name in views.SELECTS.keys() & set(names):
        known[name] = _as_viewed(name, known[name])
    return {name: known[name] for name in names if name in known}


def _as_viewed(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    stored = _empty_tables()[name].columns
    if not set(frame.columns) <= set(stored):
        return frame
    with _connected({name: frame}) as connection:
        return connection.sql(views.SELECTS[name].format(source=name)).pl()


@cache
def _empty_tables() -> dict[str, pl.DataFrame]:
    return {
        table.full_name: pl.DataFrame(arrow.schema(table.name).empty_table())
        for table in tables().values()
    }


def _connected(frames: Frames) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    teach_googlesql(connection)
    for layer in LAYERS:
        connection.execute(f"CREATE SCHEMA {layer}")
    for name, frame in frames.items():
        connection.register("frame", frame.to_arrow())
        connection.execute(f"CREATE TABLE {name} AS FROM frame")
        connection.unregister("frame")
    return connection


def _has_lists(frame: pl.DataFrame) -> bool:
    return any(isinstance(dtype, pl.List) for dtype in frame.dtypes)


def _widened(dtype: pl.DataType) -> pl.DataType:
    return pl.Int64() if dtype.is_integer() else dtype


def _different(ours: list[tuple], theirs: list[tuple]) -> tuple[list[tuple], list[tuple]]:
    """The rows of each that have no equal in the other."""
    only_ours: list[tuple] = []
    left = _by_exact_values(theirs)
    for row in ours:
        candidates = left.get(_exact(row), [])
        place = next((n for n, other in enumerate(candidates) if _is_same(row, other)), None)
        if place is None:
            only_ours.append(row)
        else:
            candidates.pop(place)
    return only_ours, [row for rows in left.values() for row in rows]


def _by_exact_values(rows: list[tuple]) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {}
    for row in rows:
        found.setdefault(_exact(row), []).append(row)
    return found


def _exact(row: tuple) -> str:
    """All of a row but its doubles, which are only nearly the same."""
    return repr([value for value in _leaves(row) if not isinstance(value, float)])


def _is_same(row: tuple, other: tuple) -> bool:
    """Whether all doubles are: the rest is already known to be."""
    pairs = zip(_leaves(row), _leaves(other), strict=True)
    return all(_is_near(a, b) for a, b in pairs if isinstance(a, float) or isinstance(b, float))


def _is_near(a: Any, b: Any) -> bool:
    if not isinstance(a, float) or not isinstance(b, float):
        return False
    return math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE) or (math.isnan(a) and math.isnan(b))


def _leaves(value: Any) -> Iterator[Any]:
    """The simple values in a row, each list after its length."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, list):
        yield len(value)
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _row(frame: pl.DataFrame, row: tuple) -> dict[str, Any]:
    return dict(zip(frame.columns, row, strict=True))
