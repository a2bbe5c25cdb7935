"""What are the dimensions? Courses, chapters and questions of catalogues, and the calendar."""

import datetime
from collections.abc import Collection

import polars as pl

from transforms.catalogue import Catalogue, Questions


def describe_courses(catalogue: Catalogue) -> pl.DataFrame:
    """Rows of `dim_courses`."""
    return catalogue.chapters.group_by("course_id", maintain_order=True).agg(
        *(pl.col(n).drop_nulls().first() for n in ("course_title", "subject_id", "class_id")),
        chapters_count=pl.len().cast(pl.Int64),
        expected_minutes=pl.when(pl.col("expected_minutes").is_not_null().any()).then(
            pl.col("expected_minutes").sum()
        ),
    )


def describe_chapters(catalogue: Catalogue) -> pl.DataFrame:
    """Rows of `dim_chapters`."""
    return catalogue.chapters


def describe_questions(questions: Questions) -> pl.DataFrame:
    """Rows of `dim_questions`: without the right options."""
    return questions.questions.drop("correct_option")


def describe_dates(dates: Collection[datetime.date]) -> pl.DataFrame:
    """Rows of `dim_dates`: every date from the first to the last."""
    if not dates:
        return pl.DataFrame()
    days = pl.date_range(min(dates), max(dates), "1d", eager=True).alias("date")
    weekday = days.dt.weekday().cast(pl.Int64)
    parts = {"year": days.dt.year(), "quarter": days.dt.quarter(), "month": days.dt.month(),
             "iso_year": days.dt.iso_year(), "iso_week": days.dt.week()}  # fmt: skip
    return pl.DataFrame(
        {
            "date": days,
            **{name: part.cast(pl.Int64) for name, part in parts.items()},
            "weekday": weekday,
            "weekday_name": days.dt.strftime("%A"),
            "is_weekend": weekday >= 6,
        }
    )
