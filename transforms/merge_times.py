"""How are distributions of times put together, and what are their quantiles?

A distribution is a list of {`time_ms`, `visits_count`}, sorted by time, no time twice and no count
of 0; of contributions the counts are signed. A column of them is worked on as flat arrays, all
lists at once: a chapter can have as many times as it has visits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

TIME, VISITS = "time_ms", "visits_count"


@dataclass(frozen=True)
class _Flat:
    """Lists end to end. `ends`: where each ends; `times`, `visits`: one per entry."""

    ends: np.ndarray
    times: np.ndarray
    visits: np.ndarray


def merge_times(lists: pl.Series) -> pl.Series:
    """Each list as a distribution: in any order and with equal times before."""
    flat = _flatten(lists)
    if not len(flat.times):
        return lists
    places = np.repeat(np.arange(lists.len()), np.diff(flat.ends, prepend=0))
    # One number for list and time: sorting by two takes five times as long.
    least, span = flat.times.min(), np.ptp(flat.times) + 1
    keys = places * span + (flat.times - least)
    # Stable is the sort that finds runs: a known distribution, and what is added to it.
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    visits = np.add.reduceat(flat.visits[order], first)
    first, visits = first[visits != 0], visits[visits != 0]
    places, times = np.divmod(keys[first], span)
    ends = np.searchsorted(places, np.arange(lists.len()), "right")
    return _fold(lists.name, _Flat(ends, times + least, visits))


def negate_times(lists: pl.Series) -> pl.Series:
    """Distributions that take others back."""
    flat = _flatten(lists)
    return _fold(lists.name, _Flat(flat.ends, flat.times, -flat.visits))


def quantiles(lists: pl.Series, shares: Mapping[str, float]) -> list[pl.Series]:
    """Quantiles (s) of each distribution by linear interpolation; none may be empty.

    Exact: the time of each rank is looked up in the running count, so that any number of equal
    times costs one entry.
    """
    flat = _flatten(lists)
    upto = np.cumsum(flat.visits)
    through = upto[flat.ends - 1]
    before = np.concatenate([[0], through])[:-1]
    found = []
    for name, share in shares.items():
        place = share * (through - before - 1)
        below = np.floor(place)
        low, high = (
            flat.times[np.searchsorted(upto, before + rank.astype(np.int64), "right")]
            for rank in (below, np.ceil(place))
        )
        found.append(pl.Series(name, (low + (place - below) * (high - low)) / 1000))
    return found


def _flatten(lists: pl.Series) -> _Flat:
    arrow = lists.to_arrow()
    offsets, entries = arrow.offsets.to_numpy(), arrow.flatten()
    times, visits = (entries.field(name).to_numpy() for name in (TIME, VISITS))
    return _Flat(offsets[1:] - offsets[0], times, visits)


def _fold(name: str, flat: _Flat) -> pl.Series:
    entries = pa.StructArray.from_arrays([flat.times, flat.visits], [TIME, VISITS])
    offsets = np.concatenate([[0], flat.ends])
    return pl.Series(name, pa.LargeListArray.from_arrays(offsets, entries))
