"""How engaged is a student right now? The live score of METRICS, 0-100."""

from functools import cache

import numpy as np

RECENCY_HALF_LIFE_MS = 120_000
INTENSITY_MS, FULL_INTENSITY = 600_000, 20.0
FULL_SESSION_MS, FULL_STREAK_DAYS = 1_800_000, 7
SHARES = {"recency": 0.35, "intensity": 0.35, "duration": 0.20, "streak": 0.10}


@cache
def weight_tenths(event_type: str) -> int:
    """Weight of an event in tenths: whole numbers add up alike in any order."""
    if event_type.startswith("video_"):
        return 10
    if event_type.startswith(("quiz_", "assignment_")):
        return 8
    return 5 if event_type in ("page_view", "chapter_view") else 3


def score_engagement(
    age_ms: np.ndarray, weights: np.ndarray, session_ms: np.ndarray, streak_days: np.ndarray
) -> np.ndarray:
    """Scores 0-100 of students.

    `age_ms`: time since the last event (0 when it lies ahead of the clock); `weights`: sum of the
    weights of the last INTENSITY_MS; `session_ms`: last event minus session start; `streak_days`:
    consecutive days.
    """
    recency = 0.5 ** (np.maximum(age_ms, 0) / RECENCY_HALF_LIFE_MS)
    intensity = np.minimum(1, weights / FULL_INTENSITY)
    duration = np.minimum(1, session_ms / FULL_SESSION_MS)
    streak = np.minimum(1, streak_days / FULL_STREAK_DAYS)
    return 100 * (
        SHARES["recency"] * recency
        + SHARES["intensity"] * intensity
        + SHARES["duration"] * duration
        + SHARES["streak"] * streak
    )
