"""What of neighbouring rows that belong together? Arithmetic over contiguous slices.

`firsts` are the positions where slices begin, ascending, the first 0: as in `numpy.reduceat`.
"""

import numpy as np
import polars as pl


def codes(values: pl.Series) -> np.ndarray:
    """A number for each distinct text, valid within the column; -1 for null."""
    local = pl.Categorical(pl.Categories.random())
    return values.cast(local).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def firsts_of(is_first: np.ndarray) -> np.ndarray:
    """Positions of the beginnings marked in a boolean array."""
    return np.flatnonzero(is_first)


def lasts_of(firsts: np.ndarray, size: int) -> np.ndarray:
    """Position of the last row of each slice."""
    return np.append(firsts, size)[1:] - 1


def slice_of_row(firsts: np.ndarray, size: int) -> np.ndarray:
    """The number of the slice that each row is in."""
    return np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, size)))


def changes(*columns: np.ndarray) -> np.ndarray:
    """True where any column differs from the row before, and in the first row."""
    is_changed = np.zeros(len(columns[0]), bool)
    for column in columns:
        is_changed[1:] |= column[1:] != column[:-1]
    is_changed[:1] = True
    return is_changed


def running_max(values: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """The largest value so far within each slice."""
    owner = slice_of_row(firsts, len(values))
    frame = pl.DataFrame({"owner": owner, "value": values})
    return frame.select(pl.col("value").cum_max().over("owner")).to_series().to_numpy()


def first_known(values: pl.Series, firsts: np.ndarray) -> pl.Series:
    """The first value that is not null in each slice, else null."""
    size = len(values)
    if values.null_count() == size:
        return values.new_from_index(0, len(firsts))
    places = np.where(values.is_not_null().to_numpy(), np.arange(size), size)
    found = pl.Series(np.minimum.reduceat(places, firsts))
    return values.gather(found.set(found == size, None))


def active_ms(
    start: np.ndarray, end: np.ndarray, firsts: np.ndarray, idle_ms: int, cap_ms: int
) -> np.ndarray:
    """Active time of each slice of events in order: see METRICS, Activity.

    Segments that overlap or touch are merged; each counts up to `cap_ms`, each gap between
    neighbours up to `idle_ms`.
    """
    has_intervals = bool((end != start).any())
    reach = running_max(end, firsts) if has_intervals else start
    before = np.append(start[:1], reach[:-1])
    is_first = np.zeros(len(start), bool)
    is_first[firsts] = True
    active = np.where(is_first, 0, np.minimum(np.maximum(start - before, 0), idle_ms))
    if has_intervals:
        segments = firsts_of(is_first | (start > before))
        lengths = np.maximum.reduceat(end, segments) - start[segments]
        active[segments] += np.minimum(lengths, cap_ms)
    return np.add.reduceat(active, firsts)
