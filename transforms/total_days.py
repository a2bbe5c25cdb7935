"""What are the gold figures of a day, given all contributions to it?"""

import polars as pl

from transforms.contribute import ATTO, CURVE_STEPS
from transforms.divide import divide
from transforms.merge_times import quantiles


def total_days(table: str, sums: pl.DataFrame) -> pl.DataFrame:
    """Summed contributions (`sum_up`) as rows of one gold table by day."""
    if table == "chapter_engagement":
        return _chapters(sums)
    if table == "question_attempts_summary":
        return _questions(sums)
    if table == "video_engagement":
        return _videos(sums)
    return sums if table == "chapter_hourly_activity" else sums.rename(_TOTAL)


_TOTAL = {"time_spent_ms": "total_time_spent_ms"}
_SHARES = {"p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _chapters(chapters: pl.DataFrame) -> pl.DataFrame:
    shares = {f"{name}_time_per_visit_seconds": share for name, share in _SHARES.items()}
    known = chapters.with_columns(
        *quantiles(chapters["spent_times"], shares),
        *quantiles(chapters["active_times"], {"median_active_seconds": 0.5}),
    )
    named = {**_TOTAL, "spent_times": "time_distribution"}
    return known.rename(named).with_columns(
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
