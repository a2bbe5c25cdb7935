"""What is a row of intelligence? What stands out, what is likely, and what to do about it."""

import dataclasses
import datetime

from schemas.tables import column, table

_STUDENT = "Keyed hash (HMAC-SHA-256, hex) of the student id."
_AS_OF = "Computed from what was known on this date (reporting time zone)."


@dataclasses.dataclass
class Reason:
    """One reason for a score: a feature and how much it moved the score."""

    feature: str
    value: float
    contribution: float


@table(
    "gold",
    "one row per date of reckoning, course and chapter with a visit",
    ("as_of_date", "course_id", "chapter_id"),
    "as_of_date",
)
class ChapterDifficulty:
    """How hard a chapter is, and from what that is concluded."""

    as_of_date: datetime.date = column(_AS_OF)
    course_id: str | None = column("Course; null is a value.")
    chapter_id: str = column("Chapter.")
    students: int = column("Distinct students with a visit.")
    median_active_seconds: float = column("Median active time of the visits (s).")
    time_rank: float | None = column(
        "PERCENT_RANK of that time among the visited chapters of the course; of time over expected "
        "time if the catalogue has that for all of them. 0 for an only chapter (0-1)."
    )
    drop_off_rate: float | None = column("Drop-offs over visits where it is known (0-1).")
    quiz_accuracy: float | None = column(
        "Right answers over answers of known result, of the answers that name the chapter (0-1)."
    )
    difficulty_score: float | None = column(
        "0 easy - 1 hard: 0.5 x time_rank + 0.3 x drop_off_rate + 0.2 x (1 - quiz_accuracy), over "
        "the weights of the parts that are known; null under 5 students."
    )


@table(
    "gold",
    "one row per date of reckoning, student and course that the model scored",
    ("as_of_date", "student_hash", "course_id"),
    "as_of_date",
)
class AtRiskScores:
    """How likely a student is to drop out of a course."""

    as_of_date: datetime.date = column(_AS_OF)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column("Course; null for the platform as a whole.")
    score: float = column("Probability of dropping out (0-1).", is_sensitive=True)
    segment: str = column("low, medium or high.", is_sensitive=True)
    reasons: list[Reason] = column("What moved the score most, strongest first.")
    model_version: str = column("Version of the model.")


@table(
    "gold",
    "one row per date of reckoning and session that the models scored",
    ("as_of_date", "session_id"),
    "as_of_date",
)
class SessionPredictions:
    """How a session is likely to go on."""

    as_of_date: datetime.date = column(_AS_OF)
    session_id: str = column("Session that was scored.")
    student_hash: str = column(_STUDENT, is_sensitive=True)
    predicted_at: datetime.datetime = column("When it was scored (UTC).")
    long_session_score: float | None = column("Probability of a long session (0-1).")
    low_engagement_score: float | None = column("Probability of low engagement (0-1).")
    dropout_score: float | None = column("Probability that it ends in a drop-off (0-1).")
    reasons: list[Reason] = column("What moved the scores most, strongest first.")
    model_version: str = column("Version of the models.")


@table(
    "gold",
    "one row per recommendation to a student",
    ("recommendation_id",),
    "as_of_date",
)
class Recommendations:
    """What a student is advised to do next in a chapter."""

    as_of_date: datetime.date = column(_AS_OF)
    recommendation_id: str = column("UUIDv5 of date, student, course, chapter and kind.")
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column("Course; null if unknown.")
    chapter_id: str = column("Chapter.")
    kind: str = column("revision or micro_summary.")
    reason: str = column("Why, in words.")
    created_at: datetime.datetime = column("When it was made (UTC).")
    delivered_at: datetime.datetime | None = column("When the LMS accepted it; null before (UTC).")


@table(
    "gold",
    "one row per date of reckoning, test and metric",
    ("as_of_date", "test_id", "metric"),
    "as_of_date",
)
class AbTestResults:
    """What a redesigned chapter changed, compared with the old one."""

    as_of_date: datetime.date = column(_AS_OF)
    test_id: str = column("Test.")
    metric: str = column("Metric compared.")
    control_students: int = column("Students of the control group.")
    treatment_students: int = column("Students of the treatment group.")
    control_mean: float | None = column("Mean of the control group (unit of the metric).")
    treatment_mean: float | None = column("Mean of the treatment group (unit of the metric).")
    effect: float | None = column("Treatment minus control (unit of the metric).")
    ci_low: float | None = column("Lower end of its 95 % interval (unit of the metric).")
    ci_high: float | None = column("Upper end of its 95 % interval (unit of the metric).")
    p_value: float | None = column("Two-sided p value of no effect (0-1).")
    sample_ratio_p_value: float | None = column(
        "p value of the group sizes under the planned split (0-1); small: do not trust the test."
    )


@table("gold", "one row per anomaly", ("anomaly_id",), "date")
class Anomalies:
    """Visits, sessions and chapter days that stand out; deterministic."""

    anomaly_id: str = column("UUIDv5 of kind, date, student, session, course, chapter and visit.")
    kind: str = column(
        "idle_visit, skim_visit, over_long_session, clock_jump, overlapping_devices, "
        "low_engagement_chapter, chapter_time_spike or chapter_time_drop."
    )
    date: datetime.date = column("Date of the visit, session or chapter day.")
    student_hash: str | None = column(_STUDENT, is_sensitive=True)
    session_id: str | None = column("Session; null for a chapter day.")
    course_id: str | None = column("Course; null if unknown or not about one.")
    chapter_id: str | None = column("Chapter; null if not about one.")
    visit_id: str | None = column("Visit; null if not about one.")
    value: float = column("What was seen (s, or a rate of 0-1, by kind).")
    expected: float | None = column("What it was judged against (unit of value).")
    score: float = column("Value over threshold; for spikes and drops |z| over 3.5.")
    severity: str = column("low (score < 1.5), medium, or high (score >= 3).")
    explanation: str = column("What happened, in words.")


@table("gold", "one row per incident", ("alert_id",), "date")
class Alerts:
    """Incidents that somebody was told about, from opening to recovery."""

    alert_id: str = column("UUIDv5 of kind, scope and opened_at.")
    kind: str = column("Which rule fired.")
    scope: str = column("What it is about: platform, a table, a course or a chapter.")
    severity: str = column("low, medium or high.")
    opened_at: datetime.datetime = column("When the incident began (UTC).")
    closed_at: datetime.datetime | None = column("When it ended; null while open (UTC).")
    value: float | None = column("What was seen (unit of the rule).")
    threshold: float | None = column("Limit that was crossed (unit of the rule).")
    explanation: str = column("What happened, in words.")
    date: datetime.date = column("Date of opened_at in the reporting time zone.")
