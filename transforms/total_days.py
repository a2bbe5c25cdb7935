"""What are the gold figures of a day, given all contributions to it?"""

import polars as pl

from transforms.contribute import ATTO, CURVE_STEPS, Frames
from transforms.divide import divide

_CHAPTER = ["date", "course_id", "chapter_id"]


def total_days(table: str, sums: Frames) -> pl.DataFrame:
    """Summed contributions (see `contribute.KEYS`) as rows of one gold table by day."""
    frame = sums[table]
    if table == "chapter_engagement":
        return _chapters(frame, sums["chapter_times"])
    if table == "question_attempts_summary":
        return _questions(frame)
    if table == "video_engagement":
        return _videos(frame)
    return frame if table == "chapter_hourly_activity" else frame.rename(_TOTAL)


_TOTAL = {"time_spent_ms": "total_time_spent_ms"}


def quantiles(times: pl.DataFrame, shares: dict[str, float]) -> pl.DataFrame:
    """Quantiles by linear interpolation of weighted values, one row per chapter and date.

    `times`: _CHAPTER columns, `time_ms`, `visits_count`. Exact: the value of each rank is looked up
    in the running count, so that any number of equal visits costs one row.
    """
    ordered = times.sort("time_ms").with_columns(
        upto=pl.col("visits_count").cum_sum().over(_CHAPTER),
        total=pl.col("visits_count").sum().over(_CHAPTER),
    )
    return ordered.group_by(_CHAPTER).agg(
        _quantile(share).alias(name) for name, share in shares.items()
    )


def _quantile(share: float) -> pl.Expr:
    place = share * (pl.col("total").first() - 1)
    below, fraction = place.floor(), place - place.floor()
    value, upto = pl.col("time_ms"), pl.col("upto")
    low = value.filter(upto > below).first()
    high = value.filter(upto > place.ceil()).first()
    return divide(low + fraction * (high - low), 1000)


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _chapters(chapters: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    spent = times.filter(~pl.col("is_active"))
    active = times.filter(pl.col("is_active"))
    shares = {"p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
    named = {f"{name}_time_per_visit_seconds": share for name, share in shares.items()}
    distribution = (
        spent.sort("time_ms")
        .group_by(_CHAPTER)
        .agg(time_distribution=pl.struct("time_ms", "visits_count"))
    )
    joined = chapters
    for frame in (
        quantiles(spent, named),
        quantiles(active, {"median_active_seconds": 0.5}),
        distribution,
    ):
        joined = joined.join(frame, _CHAPTER, "left", nulls_equal=True)
    return joined.rename(_TOTAL).with_columns(
        average_time_per_visit_seconds=divide(
            pl.col("total_time_spent_ms") / pl.col("visits_count"), 1000
        ),
        average_scroll_depth=divide(_ratio("scroll_atto", "scroll_known_count"), ATTO),
        drop_off_rate=_ratio("drop_off_count", "drop_off_known_count"),
        completion_rate=_ratio("completed_count", "completion_known_count"),
    )


def _questions(questions: pl.DataFrame) -> pl.DataFrame:
    wrong = pl.col("known_count") - pl.col("correct_count")
    return questions.with_columns(
        average_time_spent_seconds=divide(_ratio("time_spent_ms", "timed_count"), 1000),
        difficulty_estimate=(wrong + 1) / (pl.col("known_count") + 2),
    )


def _videos(videos: pl.DataFrame) -> pl.DataFrame:
    known = pl.col("length_known_count")
    curve = pl.concat_list(pl.col(f"reached_{k}") / known for k in range(1, CURVE_STEPS + 1))
    return videos.with_columns(
        average_watch_ratio=divide(_ratio("watch_ratio_atto", "watch_ratio_known_count"), ATTO),
        completion_rate=pl.col("completed_count") / pl.col("views_count"),
        rewatch_ratio=_ratio("rewatched_ms", "watched_ms"),
        average_playback_rate=_ratio("watched_ms", "playing_atto") * (ATTO / 1000),
        drop_off_curve=pl.when(known > 0).then(curve),
    )
