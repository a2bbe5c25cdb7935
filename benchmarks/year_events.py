"""What do the events of a simulated year look like, given who does what where?"""

import numpy as np
import polars as pl

from benchmarks.simulate.courses import Chapter
from benchmarks.simulate.students import DEVICES, REGIONS
from schemas.canonical import COLUMNS

STEPS: dict[str, tuple[tuple[str, float], ...]] = {
    "read": (
        ("chapter_view", 20), ("scroll", 80), ("click", 60), ("scroll", 90),
        ("lesson_complete", 60),
    ),
    "leave": (("page_view", 20), ("chapter_view", 15), ("scroll", 40)),
    "watch": (
        ("chapter_view", 20), ("video_play", 15), ("video_progress", 60), ("video_progress", 60),
        ("video_pause", 60),
    ),
    "quiz": (
        ("chapter_view", 20), ("quiz_start", 15), ("quiz_answer", 45), ("quiz_answer", 45),
        ("quiz_answer", 45), ("quiz_answer", 45), ("quiz_submit", 10),
    ),
    "task": (("chapter_view", 20), ("assignment_start", 20), ("assignment_submit", 240)),
    "enroll": (("login", 5), ("course_enroll", 20)),
    "complete": (("login", 5), ("course_complete", 20)),
    "unenroll": (("login", 5), ("course_unenroll", 20)),
}  # fmt: skip
"""What is done in one go: types of events, and the mean seconds since the one before."""
NAMES = list(STEPS)
"""A unit's kind is a number in this list."""

_LONGEST_GAP_MS, _LONGEST_SITTING_MS = 420_000, 10_800_000
_LENGTHS = np.array([len(steps) for steps in STEPS.values()])
_OFFSETS = np.cumsum(_LENGTHS) - _LENGTHS
_TYPES = np.array([kind for steps in STEPS.values() for kind, _ in steps])
_MEANS_MS = np.array([seconds * 1000 for steps in STEPS.values() for _, seconds in steps])
_REGIONS = pl.Series([region for region, _ in REGIONS])
_DEVICES = [pl.Series(values) for values in zip(*DEVICES)]
_OUTSIDE_CHAPTERS = ("course_enroll", "course_unenroll", "course_complete", "login")
_KIND = pl.col("event_type")


def spell_out(
    units: pl.DataFrame, chapters: pl.DataFrame, students: pl.DataFrame, chance: np.random.Generator
) -> pl.DataFrame:
    """Canonical events (`schemas.canonical`) without ids, in the order of the units.

    `units`: `student`, `sitting_ms` (start), `chapter` and `kind`, all numbers, those of a sitting
    in a row. `chapters`: see `describe_chapters`. `students`: `student_hash`, `pace`, `ability`,
    and numbers of `device` and `region`. A sitting lasts up to three hours.
    """
    lengths = _LENGTHS[units["kind"].to_numpy()]
    unit = np.repeat(np.arange(units.height), lengths)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    step = _OFFSETS[units["kind"].to_numpy()][unit] + place
    told = units[unit]
    who = students[told["student"]].rename({"device": "client", "region": "home"})
    frame = pl.concat([told, chapters[told["chapter"]], who], how="horizontal").with_columns(
        event_type=pl.Series(_TYPES[step]),
        unit=pl.Series(unit),
        gap_ms=pl.Series(_MEANS_MS[step] * chance.exponential(1, len(step))) * pl.col("pace"),
        luck=pl.Series(chance.random(len(unit))),
    )
    frame = frame.with_columns(occurred_ms=pl.col("sitting_ms") + _since_start())
    known = frame.with_columns(**_ids(), **_measures(), **_traits())
    return known.select(
        (pl.col(name) if name in known.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in COLUMNS.items()
    )


def describe_chapters(chapters: list[Chapter]) -> pl.DataFrame:
    """A row per chapter, by its number: the ids that its events carry."""
    names = ("course_id", "chapter_id", "class_id", "subject_id", "quiz_id", "video_id",
             "assignment_id", "difficulty")  # fmt: skip
    rows = [
        {name: getattr(chapter, name) for name in names}
        | {"lesson_id": chapter.lesson_ids[0], "length_ms": round(chapter.video_seconds * 1000)}
        | {"questions": [question.question_id for question in chapter.questions]}
        for chapter in chapters
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _since_start() -> pl.Expr:
    """Milliseconds since the first event of the sitting."""
    gaps = pl.col("gap_ms").cast(pl.Int64).clip(1, _LONGEST_GAP_MS)
    since = (gaps.cum_sum() - gaps.first()).over("student", "sitting_ms")
    return since.clip(0, _LONGEST_SITTING_MS)


def _ids() -> dict[str, pl.Expr]:
    in_chapter = pl.when(~_KIND.is_in(_OUTSIDE_CHAPTERS))
    questions = pl.col("questions")
    number = (pl.col("luck") * 1e6).cast(pl.Int64) % questions.list.len().clip(1)
    return {
        "course_id": pl.when(_KIND != "login").then("course_id"),
        "chapter_id": in_chapter.then("chapter_id"),
        "lesson_id": in_chapter.then("lesson_id"),
        "video_id": pl.when(_KIND.str.starts_with("video_")).then("video_id"),
        "quiz_id": pl.when(_KIND.str.starts_with("quiz_")).then("quiz_id"),
        "assignment_id": pl.when(_KIND.str.starts_with("assignment_")).then("assignment_id"),
        "question_id": pl.when(_KIND == "quiz_answer").then(
            questions.list.get(number, null_on_oob=True)
        ),
    }


def _measures() -> dict[str, pl.Expr]:
    is_video, luck = _KIND.str.starts_with("video_"), pl.col("luck")
    begun = pl.col("occurred_ms").filter(_KIND == "video_play").first().over("unit")
    is_right = luck < pl.col("ability") + 0.3 - pl.col("difficulty")
    position = pl.min_horizontal(pl.col("occurred_ms") - begun, "length_ms")
    return {
        "event_name": _KIND,
        "fingerprint": pl.lit(0),
        "is_correct": pl.when(_KIND == "quiz_answer").then(is_right),
        "score": pl.when(_KIND == "quiz_answer").then(is_right),
        "scroll_depth": pl.when(_KIND == "scroll").then(100 * (1 - luck * luck)),
        "position_ms": pl.when(is_video).then(position),
        "video_duration_ms": pl.when(is_video).then("length_ms"),
    }


def _traits() -> dict[str, pl.Expr]:
    device_type, _, os, browser, _ = _DEVICES
    is_page = _KIND.is_in(["page_view", "chapter_view"])
    region = pl.lit(_REGIONS).gather(pl.col("home"))
    return {
        "device_type": pl.lit(device_type).gather(pl.col("client")),
        "os": pl.lit(os).gather(pl.col("client")),
        "browser": pl.lit(browser).gather(pl.col("client")),
        "country_code": region.str.slice(0, 2),
        "region": region,
        "page": pl.when(is_page).then(pl.format("/chapter/{}", "chapter_id")),
    }
