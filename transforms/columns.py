"""How does a column of whatever a record held become a column of one type?"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

Values = Sequence[Any]


class TypedColumn:
    """A column filled from several candidates: the first known value of each row counts.

    `is_bad` marks the rows where the first value present had an impossible type.
    """

    def __init__(self, size: int, dtype: Any) -> None:
        self._size, self._dtype = size, dtype
        self._known: pl.Series | None = None
        self.is_bad: pl.Series | None = None

    @property
    def values(self) -> pl.Series:
        """What is known of each row; null where nothing is."""
        return nulls(self._size, self._dtype) if self._known is None else self._known

    def fill(self, values: pl.Series, is_bad: pl.Series | None = None) -> None:
        """Take `values` where nothing is known yet."""
        known = self._known
        if is_bad is not None:
            reached = is_bad if known is None else is_bad & known.is_null()
            self.is_bad = reached if self.is_bad is None else self.is_bad | reached
        if known is None or known.null_count() == len(known):
            self._known = values
        elif known.null_count():
            self._known = known.zip_with(known.is_not_null(), values)


def nulls(size: int, dtype: Any) -> pl.Series:
    """A column in which nothing is known."""
    return pl.Series([None], dtype=dtype).new_from_index(0, size)


def first_texts(
    candidates: Iterable[Values], size: int, accepts_numbers: bool = True
) -> TypedColumn:
    """Texts (numbers spelled out, empty ones null); other types are bad."""
    column = TypedColumn(size, pl.String)
    for values in candidates:
        column.fill(*texts(values, accepts_numbers))
    return column


def texts(values: Values, accepts_numbers: bool = True) -> tuple[pl.Series, pl.Series | None]:
    """A column as texts, and where its values are neither text nor (if accepted) number."""
    if set(map(type, values)) <= {str, type(None)}:
        return _null_if_empty(pl.Series(values, dtype=pl.String)), None
    kinds = (str, int, float) if accepts_numbers else (str,)
    known = [str(v) if type(v) in kinds else None for v in values]
    is_bad = [v is not None and type(v) not in kinds for v in values]
    return _null_if_empty(pl.Series(known, dtype=pl.String)), pl.Series(is_bad, dtype=pl.Boolean)


def first_numbers(candidates: Iterable[np.ndarray], size: int) -> pl.Series:
    """The first number of each row, of arrays with NaN where there is none."""
    values: np.ndarray | None = None
    for found in candidates:
        values = found if values is None else np.where(np.isnan(values), found, values)
    if values is None:
        return nulls(size, pl.Float64)
    return pl.Series(values, nan_to_null=True)


def first_of(candidates: Iterable[Values], size: int, kind: type, dtype: Any) -> pl.Series:
    """Values of exactly one Python type; anything else counts as missing."""
    column = TypedColumn(size, dtype)
    for values in candidates:
        column.fill(pl.Series([v if type(v) is kind else None for v in values], dtype=dtype))
    return column.values


def map_unique(
    values: pl.Series, function: Callable[[str], Any], dtype: Any = pl.String
) -> pl.Series:
    """`function` of each text, called once per distinct text; null stays null.

    A dictionary does this sooner than expressions for the few thousand rows of a block.
    """
    if values.null_count() == len(values):
        return nulls(len(values), dtype)
    texts = values.to_list()
    found = {text: None if text is None else function(text) for text in dict.fromkeys(texts)}
    return pl.Series(list(map(found.__getitem__, texts)), dtype=dtype)


def milliseconds(seconds: pl.Series) -> pl.Series:
    """Seconds as whole milliseconds, finer fractions cut off.

    A decimal such as 20.001 lies a hair beside a whole millisecond as a double: that is not a
    fraction to cut.
    """
    thousandfold = np.minimum(seconds.to_numpy(), 1e12) * 1000
    return pl.Series(np.floor(thousandfold + 1e-6), nan_to_null=True).cast(pl.Int64)


def _null_if_empty(column: pl.Series) -> pl.Series:
    is_empty = column == ""
    return column.set(is_empty, None) if is_empty.any() else column
