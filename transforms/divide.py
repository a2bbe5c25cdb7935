"""How is a column divided so that no bit of a row depends on the rows beside it?"""

import polars as pl


def divide(values: pl.Expr, divisor: float) -> pl.Expr:
    """True division by a number, rounded once.

    Polars multiplies a column of several rows by the reciprocal of a number, which rounds twice,
    but divides a single row. A column of the divisor is divided by as it is.
    """
    return values / (values * 0 + divisor)
