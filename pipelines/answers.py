"""Which questions do people ask of the gold tables, and with which SQL are they answered?

Every answer carries its sample size: a rate or a quantile of three visits is no answer. Chapters
are called by their titles where the catalogue has them.
"""

import dataclasses

import duckdb
import polars as pl

from pipelines import print_table

FEWEST = 5
"""Groups of fewer visits or answers are not shown: too small to mean anything."""

_ROWS_PRINTED = 8


@dataclasses.dataclass(frozen=True)
class Question:
    """A question in words, its SQL (DuckDB), and the columns that are printed in a terminal."""

    title: str
    sql: str
    printed: list[str]


def answer(connection: duckdb.DuckDBPyConnection, name: str) -> pl.DataFrame:
    """The rows that answer the question called `name`; KeyError when there is none."""
    return pl.DataFrame(connection.sql(QUESTIONS[name].sql).to_arrow_table())


def print_answers(connection: duckdb.DuckDBPyConnection) -> None:
    """Print a short table per question, without the groups that are too small."""
    for name, question in QUESTIONS.items():
        rows = answer(connection, name)
        enough = rows.filter(pl.col("n") >= FEWEST) if "n" in rows.columns else rows
        print(f"\n{question.title}")
        print(print_table.render(enough.select(question.printed), most=_ROWS_PRINTED), end="")


def _quantile(share: float) -> str:
    """PERCENTILE_CONT of times that are counted, in seconds, over `upto` and `n` of _COUNTED.

    The value of rank k (from 0) is the smallest time with more than k visits up to it.
    """
    rank = f"{share} * (n - 1)"
    low = f"MIN(time_ms) FILTER (upto > FLOOR({rank}))"
    high = f"MIN(time_ms) FILTER (upto > CEIL({rank}))"
    part = f"MAX({rank} - FLOOR({rank}))"
    return f"({low} + ({high} - {low}) * {part}) / 1000"


def _counted(group: str) -> str:
    """CTE: visit times of all days, counted and accumulated, per `group`."""
    return f"""
    single AS (
      SELECT {group}, UNNEST(time_distribution) AS t FROM gold.chapter_engagement),
    times AS (
      SELECT {group}, t.time_ms AS time_ms, SUM(t.visits_count) AS counted
      FROM single GROUP BY ALL),
    counted AS (
      SELECT *, SUM(counted) OVER (PARTITION BY {group} ORDER BY time_ms) AS upto,
        SUM(counted) OVER (PARTITION BY {group}) AS n
      FROM times)"""


_COURSE = "COALESCE(c.course_title, v.course_id, '(no course)') AS course"
_CHAPTER = f"{_COURSE}, COALESCE(d.chapter_title, v.chapter_id) AS chapter"
_BY_CHAPTER = "GROUP BY v.course_id, v.chapter_id, c.course_title, d.chapter_title"
_COURSE_TITLES = """
  LEFT JOIN (SELECT course_id, MIN(course_title) AS course_title
    FROM gold.dim_chapters GROUP BY course_id) AS c ON c.course_id = v.course_id"""
_TITLES = f"""{_COURSE_TITLES}
  LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id"""

QUESTIONS = {
    "headline": Question(
        "At a glance",
        """
  SELECT MIN(date) AS first_date, MAX(date) AS last_date,
    (SELECT COUNT(DISTINCT student_hash) FROM gold.student_daily_activity) AS students,
    AVG(active_students) AS students_per_day,
    CAST(SUM(sessions_count) AS BIGINT) AS sessions,
    SUM(total_time_spent_seconds) / 3600 AS hours,
    (SELECT CAST(SUM(visits_count) AS BIGINT) FROM gold.chapter_engagement) AS visits
  FROM gold.platform_daily HAVING COUNT(*) > 0""",
        ["first_date", "last_date", "students", "sessions", "hours", "visits"],
    ),
    "time_per_chapter": Question(
        "Where does the time go?",
        f"""
  SELECT {_CHAPTER}, CAST(SUM(v.visits_count) AS BIGINT) AS n,
    SUM(v.total_time_spent_seconds) / 3600 AS hours,
    SUM(v.total_time_spent_seconds) / 60 / SUM(v.visits_count) AS minutes_per_visit
  FROM gold.chapter_engagement AS v {_TITLES}
  {_BY_CHAPTER} ORDER BY hours DESC, course, chapter""",
        ["course", "chapter", "hours", "minutes_per_visit", "n"],
    ),
    "time_by_hour": Question(
        "When do students learn?",
        """
  SELECT ISODOW(date) AS weekday, hour, SUM(time_spent_seconds) / 3600 AS hours,
    CAST(SUM(visits_count) AS BIGINT) AS n
  FROM gold.chapter_hourly_activity
  GROUP BY weekday, hour ORDER BY hours DESC, weekday, hour""",
        ["weekday", "hour", "hours", "n"],
    ),
    "time_distribution": Question(
        "How long is a visit?",
        f"""
  WITH {_counted("course_id, chapter_id")}
  SELECT {_CHAPTER}, CAST(MAX(n) AS BIGINT) AS n,
    {_quantile(0.05)} / 60 AS p5, {_quantile(0.25)} / 60 AS p25, {_quantile(0.5)} / 60 AS median,
    {_quantile(0.75)} / 60 AS p75, {_quantile(0.95)} / 60 AS p95,
    SUM(time_ms * counted) / MAX(n) / 60000 AS average
  FROM counted AS v {_TITLES}
  {_BY_CHAPTER} ORDER BY median DESC, course, chapter""",
        ["course", "chapter", "p25", "median", "p75", "average", "n"],
    ),
    "drop_off": Question(
        "Where do students drop off?",
        f"""
  SELECT {_CHAPTER}, CAST(SUM(v.drop_off_known_count) AS BIGINT) AS n,
    CAST(SUM(v.drop_off_count) AS BIGINT) AS drop_offs,
    SUM(v.drop_off_count) / NULLIF(SUM(v.drop_off_known_count), 0) AS drop_off_rate
  FROM gold.chapter_engagement AS v {_TITLES}
  {_BY_CHAPTER} HAVING SUM(v.drop_off_known_count) > 0
  ORDER BY drop_off_rate DESC, n DESC, course, chapter""",
        ["course", "chapter", "drop_off_rate", "drop_offs", "n"],
    ),
    "courses": Question(
        "How do courses compare?",
        f"""
  WITH {_counted("course_id")},
  medians AS (
    SELECT course_id, {_quantile(0.5)} / 60 AS median_minutes FROM counted GROUP BY course_id)
  SELECT {_COURSE}, CAST(SUM(v.visits_count) AS BIGINT) AS n,
    SUM(v.total_time_spent_seconds) / 3600 AS hours, ANY_VALUE(m.median_minutes) AS median_minutes,
    SUM(v.drop_off_count) / NULLIF(SUM(v.drop_off_known_count), 0) AS drop_off_rate,
    CAST(SUM(v.drop_off_known_count) AS BIGINT) AS drop_off_n,
    SUM(v.completed_count) / NULLIF(SUM(v.completion_known_count), 0) AS completion_rate,
    CAST(SUM(v.completion_known_count) AS BIGINT) AS completion_n
  FROM gold.chapter_engagement AS v
  JOIN medians AS m ON m.course_id IS NOT DISTINCT FROM v.course_id {_COURSE_TITLES}
  GROUP BY v.course_id, c.course_title ORDER BY hours DESC, course""",
        ["course", "hours", "median_minutes", "drop_off_rate", "completion_rate", "n"],
    ),
    "active_students": Question(
        "How many students are active each day?",
        """
  SELECT date, active_students, sessions_count, total_time_spent_seconds / 3600 AS hours
  FROM gold.platform_daily ORDER BY date DESC""",
        ["date", "active_students", "sessions_count", "hours"],
    ),
    "wrong_answers": Question(
        "Which questions do people get wrong?",
        """
  SELECT COALESCE(quiz_id, '(no quiz)') AS quiz, COALESCE(question_id, '(no id)') AS question,
    CAST(SUM(known_count) AS BIGINT) AS n,
    CAST(SUM(known_count - correct_count) AS BIGINT) AS wrong,
    1 - SUM(correct_count) / SUM(known_count) AS wrong_rate,
    (SUM(known_count - correct_count) + 1) / (SUM(known_count) + 2) AS difficulty
  FROM gold.question_attempts_summary
  GROUP BY quiz_id, question_id HAVING SUM(known_count) > 0
  ORDER BY difficulty DESC, n DESC, quiz, question""",
        ["quiz", "question", "wrong_rate", "difficulty", "n"],
    ),
}
"""Name -> question. Where a row is a group, `n` is the number of visits or answers behind it."""
