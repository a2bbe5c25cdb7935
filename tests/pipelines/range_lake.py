"""A small school's warehouse for tests of range tables, and small models and checks for it."""

import shutil
from pathlib import Path

from benchmarks.simulate import simulate
from tests.pipelines.whole_runs import completed, write_catalogues, write_lines

COHORTS = """
-- One cohort, as large as there are students.
SELECT
  @as_of_date AS as_of_date,
  MIN(session_date) AS cohort_week,
  0 AS week_number,
  COUNT(DISTINCT student_hash) AS cohort_students,
  COUNT(DISTINCT student_hash) AS retained_students,
  1.0 AS retention_rate
FROM silver.sessions WHERE session_date <= @as_of_date
"""
ASSIGNMENTS = """
SELECT
  as_of_date, CAST(cohort_students AS STRING) AS student_hash, 'c' AS course_id,
  'a' AS assignment_id, CAST(NULL AS TIMESTAMP) AS started_at,
  CAST(NULL AS TIMESTAMP) AS submitted_at, 'started' AS status
FROM gold.cohort_retention
"""
SKILLS = """
SELECT
  as_of_date, student_hash, 's' AS skill_id, 1 AS attempts_count, 1 AS correct_count,
  1.0 AS accuracy, @pass_mark AS mastery, FALSE AS is_gap
FROM gold.assignment_status
"""
DROPOFF = """
SELECT
  @as_of_date AS as_of_date, course_id, chapter_id, 1 AS chapter_order,
  COUNT(*) AS students_reached, 0 AS students_stopped, 0.0 AS drop_off_index
FROM silver.chapter_visits WHERE visit_date <= @as_of_date GROUP BY course_id, chapter_id
"""
CHAIN = {
    "cohort_retention": COHORTS,
    "assignment_status": ASSIGNMENTS,
    "skill_mastery": SKILLS,
    "course_dropoff": DROPOFF,
}
"""cohort_retention -> assignment_status -> skill_mastery; course_dropoff reads none of them."""


def make_school(folder: Path, days: int = 9) -> Path:
    """A warehouse that the batch made from a simulated school, which is below it."""
    school = simulate(students=12, days=days, seed=4)
    source = write_lines(folder / "in" / "events.jsonl", school.records)
    completed(folder / "w", source, **write_catalogues(school, folder))
    return folder / "w"


def write_sql(folder: Path, models: dict[str, str], checks: dict[str, str] | None = None) -> Path:
    """A folder of models and checks by their names, instead of the one there was."""
    shutil.rmtree(folder, ignore_errors=True)
    for kind, texts in (("models", models), ("checks", checks or {})):
        (folder / kind).mkdir(parents=True)
        for name, text in texts.items():
            (folder / kind / f"{name}.sql").write_text(text)
    return folder
