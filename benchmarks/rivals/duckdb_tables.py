"""How fast does hand-written DuckDB make the same tables from one file of raw events?

`python benchmarks/rivals/duckdb_tables.py --input=FILE --out=DIR` reads `raw_event` JSON Lines and
writes Parquet files partitioned by date. Tuned: typed columns for the JSON reader, one pass into a
temporary table, and windows over narrow rows that are joined back by row number. It does less than
the product: no hash of students (ids as they are), ids of sessions and visits by md5 instead of
UUIDv5, metadata as typed columns instead of JSON; of equal keys any copy stays; a video position is
not estimated twice in a row; no dialects, dead letters, other spellings of event types, ids read
from page paths, user agents, consent, catalogue, page views, id conflicts, time distributions.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

import duckdb
from statements import (
    PARTITIONS,
    SILVER,
    WALKED,
    device_case,
    output_query,
    read_statements,
)

METADATA = {
    "app": "VARCHAR", "x": "INTEGER", "y": "INTEGER", "scroll_depth": "DOUBLE",
    "time_spent": "DOUBLE", "duration": "DOUBLE", "completed": "BOOLEAN",
    "video_id": "VARCHAR", "current_time": "DOUBLE", "video_duration": "DOUBLE",
    "playback_rate": "DOUBLE", "from": "DOUBLE", "to": "DOUBLE",
    "quiz_id": "VARCHAR", "correct": "BOOLEAN", "score": "DOUBLE", "selected_option": "VARCHAR",
}  # fmt: skip
TEXTS = ("event_id", "student_id", "event_type", "page_url", "course_id", "chapter_id")
EVENTS = f"SELECT r.*, {WALKED} FROM received AS r JOIN walked AS w ON r.carried = w.carried"
# What is dropped once a table is made, as nothing after it asks for it.
DROPPED = {
    "walked": ("TABLE gapped", "TABLE long_sessions", "TABLE begun"),
    "events": ("VIEW received", "TABLE received_rows", "TABLE walked"),
    "video_views": ("TABLE video_steps", "TABLE video_segments"),
}
MACROS = """
CREATE MACRO time_of(ms) AS make_timestamp_ms(CAST(ms AS BIGINT));
CREATE MACRO date_of(ms) AS CAST(make_timestamp_ms(CAST(ms AS BIGINT)) AS DATE);
CREATE MACRO hour_of(ms) AS (ms // 3600000) % 24;
CREATE MACRO seconds(ms) AS ms / 1e3;
CREATE MACRO whole_ms(x) AS CAST(floor(x * 1e3 + 1e-6) AS BIGINT);
CREATE MACRO sequence(a, b) AS generate_series(a, b);
CREATE MACRO explode(x) AS unnest(x);
"""


def _received(path: str) -> str:
    """The query that reads the file with the types it is known to have."""
    struct = ", ".join(f'"{name}" {kind}' for name, kind in METADATA.items())
    texts = ", ".join(f"{name}: 'VARCHAR'" for name in (*TEXTS, "question_id", "device"))
    columns = f"{{{texts}, timestamp: 'TIMESTAMP', metadata: 'STRUCT({struct})'}}"
    return f"""
        SELECT event_id, student_id, epoch_ms("timestamp") AS at_ms, event_type,
               split_part(split_part(page_url, '?', 1), '#', 1) AS page,
               course_id, chapter_id, question_id, {device_case("device")} AS device_type,
               COALESCE(course_id, '') || '/' || chapter_id AS place,
               metadata.scroll_depth AS scroll_depth, metadata.time_spent AS time_spent,
               metadata.duration AS duration, metadata.completed AS completed,
               metadata.video_id AS video_id, metadata."current_time" AS "position",
               metadata."from" AS seek_from, metadata."to" AS seek_to,
               metadata.video_duration AS video_duration,
               metadata.playback_rate AS playback_rate, metadata.quiz_id AS quiz_id,
               metadata.correct AS correct, metadata.score AS score,
               metadata.selected_option AS selected_option,
               metadata.app AS app, metadata.x AS x, metadata.y AS y
        FROM read_json('{path}', format = 'newline_delimited', columns = {columns})
    """


def make_tables(connection: duckdb.DuckDBPyConnection, path: str, *, verbose: bool) -> None:
    """Make every table as a temporary one."""
    connection.execute(MACROS)
    queries = {"received_rows": _received(path)} | read_statements(EVENTS)
    for name, query in queries.items():
        begun = time.monotonic()
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
        if name == "received_rows":
            view = "SELECT rowid AS carried, * FROM received_rows"
            connection.execute(f"CREATE TEMP VIEW received AS {view}")
        for unused in DROPPED.get(name, ()):
            connection.execute(f"DROP {unused}")
        if verbose:
            print(f"{name}: {time.monotonic() - begun:.2f} s", file=sys.stderr)


def write_tables(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write silver and gold as Parquet, by date."""
    for name, date in PARTITIONS.items():
        folder = out / ("silver" if name in SILVER else "gold") / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        query = output_query(name, columns)
        connection.execute(f"COPY ({query}) TO '{folder}' (FORMAT parquet, PARTITION_BY ({date}))")


def main() -> int:
    """Make the tables and say how long it took."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--input", required=True, help="file of raw events, JSON Lines")
    parser.add_argument("--out", type=Path, required=True, help="folder, replaced")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="time of each table")
    chosen = parser.parse_args()
    begun = time.monotonic()
    shutil.rmtree(chosen.out, ignore_errors=True)
    connection = duckdb.connect()
    connection.execute(f"SET threads = {chosen.threads}; SET preserve_insertion_order = false")
    make_tables(connection, chosen.input, verbose=chosen.verbose)
    made = time.monotonic() - begun
    write_tables(connection, chosen.out)
    print(f"made in {made:.1f} s, written after {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
