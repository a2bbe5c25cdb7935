"""How was a question answered, and how long did it take?"""

import numpy as np
import polars as pl

from transforms import calendar
from transforms.catalogue import Questions
from transforms.options import MetricOptions
from transforms.sessionize import Timeline

MAX_THINKING_MS = 600_000
_OF_THE_EVENT = (
    "event_id", "student_hash", "course_id", "chapter_id", "quiz_id", "question_id",
)  # fmt: skip


def attempt_questions(
    timeline: Timeline, questions: Questions, options: MetricOptions
) -> pl.DataFrame:
    """One row per quiz_answer: silver's columns, times and durations in milliseconds."""
    quiz_rows = np.flatnonzero(timeline.types.str.starts_with("quiz_").to_numpy())
    is_answer = (timeline.types.gather(quiz_rows) == "quiz_answer").to_numpy()
    rows = quiz_rows[is_answer]
    events = timeline.events[rows]
    since = _since_last(timeline, quiz_rows)[is_answer]
    elapsed = pl.Series(since).set(pl.Series(since < 0), None)
    spent = events["spent_ms"].zip_with(events["spent_ms"].is_not_null(), elapsed)
    attempts = pl.DataFrame(
        {
            **events.select(_OF_THE_EVENT).to_dict(),
            "session_id": timeline.sessions["session_id"].gather(timeline.session[rows]),
            "attempted_ms": events["occurred_ms"],
            "score": events["score"],
            "time_spent_ms": spent,
            "selected_option": events["selected_option"],
            "is_correct": events["is_correct"],
            "attempt_date": calendar.dates(events["occurred_ms"], options.reporting_timezone),
        }
    )
    return _judge(attempts, questions)


def _since_last(timeline: Timeline, rows: np.ndarray) -> np.ndarray:
    """Time since the session's last quiz event, at most MAX_THINKING_MS; -1 for the first."""
    session, start = timeline.session[rows], timeline.start[rows]
    since = np.minimum(np.diff(start, prepend=start[:1]), MAX_THINKING_MS)
    return np.where(np.diff(session, prepend=-1) != 0, -1, since)


def _judge(attempts: pl.DataFrame, questions: Questions) -> pl.DataFrame:
    """is_correct as sent, else by the score, else by the catalogue's right option."""
    known = attempts.join(
        questions.right_options, ["quiz_id", "question_id"], "left",
        nulls_equal=True, maintain_order="left",
    )  # fmt: skip
    by_option = pl.col("selected_option") == pl.col("correct_option")
    is_correct = pl.coalesce("is_correct", pl.col("score") >= 0.5, by_option)
    return known.with_columns(is_correct=is_correct).drop("correct_option")
