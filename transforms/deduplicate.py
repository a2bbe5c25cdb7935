"""Which copies are one event? Of the same student, id and instant the smallest fingerprint."""

import polars as pl

from transforms.slices import codes

_KEY = ("student", "occurred_ms", "event_id")


def deduplicate(events: pl.DataFrame) -> pl.DataFrame:
    """Canonical events without copies, ordered by student, `occurred_ms` and `event_id`.

    Adds `student`, a number for the hash that is valid within the table. Each event keeps the
    smallest known `received_ms` of its copies.
    """
    student = pl.Series("student", codes(events["student_hash"]))
    ordered = events.with_columns(student).sort(*_KEY, "fingerprint")
    is_copy = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in _KEY)
    ordered = ordered.with_columns(is_copy.fill_null(False).alias("is_copy"))
    if not ordered["is_copy"].any():
        return ordered.drop("is_copy")
    if ordered["received_ms"].null_count() < ordered.height:
        earliest = pl.col("received_ms").min().over(_KEY)
        ordered = ordered.with_columns(earliest)
    return ordered.filter(~pl.col("is_copy")).drop("is_copy")
