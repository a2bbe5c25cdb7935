"""Which part of each chapter visit lies in which hour?"""

import polars as pl

from transforms import calendar


def cut_hours(visits: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Visits cut at the hours of a zone: a row per visit and hour, with its own `date`.

    Adds `hour`, `spent_ms` (time of the visit in the hour) and `is_start`. Cut at quarters where
    the zone's hours may not be those of UTC.
    """
    cell_ms = 3_600_000 if timezone == "UTC" else 900_000
    start, end = pl.col("started_ms"), pl.col("ended_ms")
    last = pl.max_horizontal(start, end - 1) // cell_ms
    keys = ["student_hash", "course_id", "chapter_id", "class_id"]
    cut = visits.select(*keys, start, end, cell=pl.int_ranges(start // cell_ms, last + 1)).explode(
        "cell"
    )
    begin, finish = pl.col("cell") * cell_ms, (pl.col("cell") + 1) * cell_ms
    return cut.with_columns(
        calendar.dates(cut["cell"] * cell_ms, timezone).alias("date"),
        calendar.hours(cut["cell"] * cell_ms, timezone).alias("hour"),
        spent_ms=pl.min_horizontal(end, finish) - pl.max_horizontal(start, begin),
        is_start=start >= begin,
    )
