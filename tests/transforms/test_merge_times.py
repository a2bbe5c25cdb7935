"""Are distributions added, taken back and looked up exactly? Against counting, one by one."""

import math
import statistics
from collections import Counter
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.test_properties import examples
from transforms.merge_times import TIME, VISITS, merge_times, negate_times, quantiles

Times = list[tuple[int, int]]
_TYPE = pl.List(pl.Struct({TIME: pl.Int64(), VISITS: pl.Int64()}))
_SHARES = {"first": 0.0, "p25": 0.25, "median": 0.5, "p90": 0.9, "last": 1.0}

entries = st.tuples(st.integers(0, 90_000_000), st.integers(-3, 3))
"""Of a day and a bit; few enough that times repeat when they are drawn again."""
few = st.tuples(st.integers(0, 5), st.integers(-3, 3))
columns = st.lists(st.lists(entries | few, max_size=12), max_size=6)
known = st.lists(st.lists(st.integers(0, 90_000_000), min_size=1, max_size=30), max_size=6)


def _column(lists: list[Times]) -> pl.Series:
    dicts = [[{TIME: time, VISITS: visits} for time, visits in of_row] for of_row in lists]
    return pl.Series("times", dicts, dtype=_TYPE)


def _counted(of_row: Times) -> Times:
    """The slow and obvious way."""
    counts: Counter[int] = Counter()
    for time, visits in of_row:
        counts[time] += visits
    return sorted((time, visits) for time, visits in counts.items() if visits)


def _rows(column: pl.Series) -> list[Times]:
    return [[(entry[TIME], entry[VISITS]) for entry in of_row] for of_row in column.to_list()]


@examples(200)
@given(columns)
def test_each_list_is_sorted_and_equal_times_are_one(lists: list[Times]) -> None:
    merged = merge_times(_column(lists))
    assert _rows(merged) == [_counted(of_row) for of_row in lists]
    assert (merged.name, merged.dtype) == ("times", _TYPE)


@examples(100)
@given(columns)
def test_what_is_taken_back_leaves_nothing(lists: list[Times]) -> None:
    column = merge_times(_column(lists))
    taken = negate_times(column)
    both = [[*mine, *other] for mine, other in zip(_rows(column), _rows(taken), strict=True)]
    assert _rows(merge_times(_column(both))) == [[] for _ in lists]


@examples(100)
@given(columns, st.integers(0, 6), st.integers(0, 6))
def test_part_of_a_column_is_merged_like_the_whole(
    lists: list[Times], first: int, size: int
) -> None:
    part = _column(lists)[first : first + size]
    assert _rows(merge_times(part)) == _rows(merge_times(_column(lists)))[first : first + size]


@examples(200)
@given(known)
def test_quantiles_are_those_of_the_visits_one_by_one(lists: list[list[int]]) -> None:
    column = merge_times(_column([[(time, 1) for time in of_row] for of_row in lists]))
    found = pl.DataFrame(quantiles(column, _SHARES))
    for row, times in zip(found.iter_rows(named=True), lists, strict=True):
        for name, share in _SHARES.items():
            assert row[name] == pytest.approx(_quantile(sorted(times), share), rel=1e-12)
        assert row["median"] == pytest.approx(statistics.median(times) / 1000, rel=1e-12)


def _quantile(ordered: list[int], share: float) -> float:
    """`PERCENTILE_CONT` of milliseconds, in seconds, without rounding on the way."""
    place = Fraction(share).limit_denominator(100) * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return float((low + (place - math.floor(place)) * (high - low)) / 1000)
