"""How fast does PySpark make the same tables from one file of raw events?

`python benchmarks/rivals/spark_tables.py --input=FILE --out=DIR` runs the SQL of the DuckDB rival
in Spark's local mode (see there for what both leave out). Tuned: an explicit schema, one shuffle by
student that all windows reuse, what several tables are made of kept, few shuffle partitions, which
adaptive execution makes fewer for the small tables.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.storagelevel import StorageLevel
from statements import (
    PARTITIONS,
    SILVER,
    WALKED,
    device_case,
    output_query,
    read_statements,
)

METADATA = (
    "app STRING, x INT, y INT, scroll_depth DOUBLE, time_spent DOUBLE, duration DOUBLE, "
    "completed BOOLEAN, video_id STRING, `current_time` DOUBLE, video_duration DOUBLE, "
    "playback_rate DOUBLE, `from` DOUBLE, `to` DOUBLE, quiz_id STRING, correct BOOLEAN, "
    "score DOUBLE, selected_option STRING"
)
SCHEMA = (
    "event_id STRING, student_id STRING, event_type STRING, page_url STRING, course_id STRING, "
    f"chapter_id STRING, question_id STRING, device STRING, `timestamp` TIMESTAMP, "
    f"metadata STRUCT<{METADATA}>"
).replace("STRUCT<" + METADATA, "STRUCT<" + METADATA.replace(" ", ": ").replace(",: ", ", "))
FUNCTIONS = (
    "time_of(ms BIGINT) RETURNS TIMESTAMP RETURN timestamp_millis(ms)",
    "date_of(ms BIGINT) RETURNS DATE RETURN CAST(timestamp_millis(ms) AS DATE)",
    "hour_of(ms BIGINT) RETURNS BIGINT RETURN (ms DIV 3600000) % 24",
    "seconds(ms BIGINT) RETURNS DOUBLE RETURN ms / 1e3",
    "whole_ms(x DOUBLE) RETURNS BIGINT RETURN CAST(floor(x * 1e3 + 1e-6) AS BIGINT)",
)
RECEIVED = f"""
SELECT event_id, student_id, unix_millis(`timestamp`) AS at_ms, event_type,
       split_part(split_part(page_url, '?', 1), '#', 1) AS page,
       course_id, chapter_id, question_id, {device_case("device")} AS device_type,
       COALESCE(course_id, '') || '/' || chapter_id AS place,
       metadata.scroll_depth, metadata.time_spent, metadata.duration, metadata.completed,
       metadata.video_id, metadata.`current_time` AS position, metadata.`from` AS seek_from,
       metadata.`to` AS seek_to, metadata.video_duration, metadata.playback_rate,
       metadata.quiz_id, metadata.correct, metadata.score, metadata.selected_option,
       metadata.app, metadata.x, metadata.y
FROM records
"""
SHARES = (0.25, 0.5, 0.75, 0.9)
EVENTS = f"SELECT carried.*, {WALKED} FROM walked AS w"
# Used more than once: made at once and kept; the rest is worked out where it is asked for.
KEPT = ("gapped", "events", "sessions", "chapter_visits", "video_steps", "question_attempts")


def start(threads: int, memory: str) -> SparkSession:
    """A local session, with what a user would set for a job of this size."""
    settings = {
        "spark.driver.memory": memory,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(4 * threads),
        "spark.sql.files.maxPartitionBytes": "64m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{threads}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _in_spark(query: str) -> str:
    """The query with what Spark spells otherwise, and all quantiles from one aggregation."""
    for place, share in enumerate(SHARES):
        single = f"PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY CAST(time_ms AS DOUBLE))"
        query = query.replace(single, f"PERCENTILE(time_ms, ARRAY{SHARES})[{place}]")
    return query.replace(" IGNORE NULLS)", ") IGNORE NULLS")


def make_tables(spark: SparkSession, path: str, *, verbose: bool) -> None:
    """Define every table as a view, and make those that are used more than once."""
    for function in FUNCTIONS:
        spark.sql(f"CREATE TEMPORARY FUNCTION {function}")
    spark.read.schema(SCHEMA).json(path).createOrReplaceTempView("records")
    received = spark.sql(RECEIVED)
    row = ", ".join(received.columns)
    received.createOrReplaceTempView("plain")
    carried = spark.sql(f"SELECT *, struct({row}) AS carried FROM plain")
    carried.createOrReplaceTempView("received")
    for name, query in read_statements(EVENTS).items():
        begun = time.monotonic()
        table = spark.sql(_in_spark(query))
        if name in KEPT:
            # Unlike persist() this ends the plan, which else grows beyond what can be planned fast.
            table = table.localCheckpoint(storageLevel=StorageLevel.MEMORY_AND_DISK)
        table.createOrReplaceTempView(name)
        if verbose:
            print(f"made {name}: {time.monotonic() - begun:.2f} s", file=sys.stderr)


def write_tables(spark: SparkSession, out: Path, *, verbose: bool) -> None:
    """Write silver and gold as Parquet, by date."""
    for name, date in PARTITIONS.items():
        begun = time.monotonic()
        rows = spark.sql(output_query(name, spark.table(name).columns))
        place = out / ("silver" if name in SILVER else "gold") / name
        rows.write.partitionBy(date).parquet(os.fspath(place))
        if verbose:
            print(f"{name}: {time.monotonic() - begun:.2f} s", file=sys.stderr)


def main() -> int:
    """Make the tables and say how long it took."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--input", required=True, help="file of raw events, JSON Lines")
    parser.add_argument("--out", type=Path, required=True, help="folder, replaced")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="8g", help="of the driver, which does all the work")
    parser.add_argument("--verbose", action="store_true", help="time of each table")
    chosen = parser.parse_args()
    begun = time.monotonic()
    shutil.rmtree(chosen.out, ignore_errors=True)
    spark = start(chosen.threads, chosen.memory)
    make_tables(spark, chosen.input, verbose=chosen.verbose)
    if chosen.verbose:
        print(f"made after {time.monotonic() - begun:.1f} s", file=sys.stderr)
    write_tables(spark, chosen.out, verbose=chosen.verbose)
    spark.stop()
    print(f"written after {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
