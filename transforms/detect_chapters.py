"""Which chapter had an odd day? Against fixed bounds, and against its own days before."""

import datetime
from collections.abc import Collection

import polars as pl

from transforms.detect import align, finish
from transforms.divide import divide

HISTORY_DAYS = 28
MIN_HISTORY = 7
MIN_VISITS = 5
DROP_OFF = 0.7
SHARE_OF_EXPECTED = 0.2
ROBUST_Z = 3.5
_MAD_SCALE = 0.6745

_CHAPTER = ["course_id", "chapter_id"]
TREND_KINDS = ("chapter_time_spike", "chapter_time_drop")


def detect_low_engagement(chapters: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Chapter-days that many leave, or where activity is far below the expected time.

    `chapters`: rows of `gold.chapter_engagement`; `expected`: course_id, chapter_id, expected_ms.
    """
    known = chapters.join(expected, _CHAPTER, "left", nulls_equal=True).filter(
        pl.col("visits_count") >= MIN_VISITS
    )
    bound = divide(SHARE_OF_EXPECTED * pl.col("expected_ms"), 1000)
    leaves = (pl.col("drop_off_rate") >= DROP_OFF).fill_null(False)
    hurries = (pl.col("median_active_seconds") < bound).fill_null(False)
    found = known.filter(leaves | hurries).with_columns(
        kind=pl.lit("low_engagement_chapter"),
        value=pl.when(leaves).then("drop_off_rate").otherwise("median_active_seconds"),
        expected=pl.when(leaves).then(pl.lit(DROP_OFF)).otherwise(bound),
        explanation=pl.when(leaves).then(_tell_leaving()).otherwise(_tell_hurry(bound)),
    )
    return finish(align(found.with_columns(score=pl.col("value") / pl.col("expected"))))


def touched_by(dates: Collection[datetime.date]) -> set[datetime.date]:
    """The dates whose trend can change when those dates do: themselves and the 28 after each."""
    ages = [datetime.timedelta(days=age) for age in range(HISTORY_DAYS + 1)]
    return {date + age for date in dates for age in ages}


def history_of(dates: Collection[datetime.date]) -> set[datetime.date]:
    """The dates that the trends of those dates are judged by, themselves included."""
    ages = [datetime.timedelta(days=age) for age in range(HISTORY_DAYS + 1)]
    return {date - age for date in dates for age in ages}


def _tell_leaving() -> pl.Expr:
    return pl.format("{} % of the visits dropped off.", (100 * pl.col("drop_off_rate")).round(1))


def _tell_hurry(bound: pl.Expr) -> pl.Expr:
    return pl.format(
        "Half of the visits were active for at most {} s; a fifth of the expected time is {} s.",
        pl.col("median_active_seconds").round(1),
        bound.round(1),
    )


def detect_trends(chapters: pl.DataFrame, dates: Collection[datetime.date]) -> pl.DataFrame:
    """Chapter-days of some dates whose median time is far from the chapter's 28 days before.

    `chapters`: rows of `gold.chapter_engagement` of `history_of(dates)`. The deviation is the
    robust z-score of Iglewicz and Hoaglin: 0.6745 (x - median) / MAD.
    """
    days = chapters.select(*_CHAPTER, "date", x="median_time_per_visit_seconds")
    wanted = days.filter(pl.col("date").is_in(list(dates)))
    age = (pl.col("date") - pl.col("date_before")).dt.total_days()
    pairs = wanted.join(days, _CHAPTER, nulls_equal=True, suffix="_before").filter(
        age.is_between(1, HISTORY_DAYS)
    )
    centre = pl.col("x_before").median().over(*_CHAPTER, "date")
    spread = (pl.col("x_before") - pl.col("centre")).abs().median()
    history = (
        pairs.with_columns(centre=centre)
        .group_by(*_CHAPTER, "date", "x", "centre")
        .agg(spread=spread, days=pl.len())
    )
    z = _MAD_SCALE * (pl.col("x") - pl.col("centre")) / pl.col("spread")
    odd = history.filter((pl.col("days") >= MIN_HISTORY) & (pl.col("spread") > 0)).with_columns(z=z)
    return finish(align(_explain(odd.filter(pl.col("z").abs() >= ROBUST_Z))))


def _explain(odd: pl.DataFrame) -> pl.DataFrame:
    spike, drop = TREND_KINDS
    words = pl.format(
        "The median visit took {} s; over the {} days before with visits it took {} s (z = {}).",
        pl.col("x").round(1), "days", pl.col("centre").round(1), pl.col("z").round(2),
    )  # fmt: skip
    return odd.with_columns(
        kind=pl.when(pl.col("z") > 0).then(pl.lit(spike)).otherwise(pl.lit(drop)),
        value="x",
        expected="centre",
        score=pl.col("z").abs() / ROBUST_Z,
        explanation=words,
    )
