-- A quantile between two places of the sorted visits is the sum of what lies less than one place
-- away, weighted by nearness. It is worked out from the visits and not from days, so it is exact.
WITH visits AS (
  SELECT
    student_hash,
    course_id,
    chapter_id,
    is_drop_off,
    is_completed,
    CAST(ROUND(time_spent_seconds * 1000) AS INT64) AS time_ms
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
),
placed AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY course_id, chapter_id ORDER BY time_ms) - 1 AS place,
    COUNT(*) OVER (PARTITION BY course_id, chapter_id) - 1 AS last_place
  FROM visits
),
by_visit AS (
  SELECT
    course_id,
    chapter_id,
    SUM(time_ms) AS total_ms,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.50e0 * last_place))) AS median_ms,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.05e0 * last_place))) AS p5_ms,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.25e0 * last_place))) AS p25_ms,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.75e0 * last_place))) AS p75_ms,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.95e0 * last_place))) AS p95_ms,
    COUNT(*) AS total_visits,
    COUNT(DISTINCT student_hash) AS unique_students,
    SAFE_DIVIDE(COUNTIF(is_drop_off), COUNT(is_drop_off)) AS drop_off_rate,
    SAFE_DIVIDE(COUNTIF(is_completed), COUNT(is_completed)) AS completion_rate
  FROM placed
  GROUP BY course_id, chapter_id
),
students AS (
  SELECT course_id, chapter_id, SUM(time_ms) AS time_ms
  FROM visits
  GROUP BY course_id, chapter_id, student_hash
),
placed_students AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY course_id, chapter_id ORDER BY time_ms) - 1 AS place,
    COUNT(*) OVER (PARTITION BY course_id, chapter_id) - 1 AS last_place
  FROM students
),
by_student AS (
  SELECT
    course_id,
    chapter_id,
    SUM(time_ms * GREATEST(0, 1 - ABS(place - 0.5e0 * last_place))) AS median_ms
  FROM placed_students
  GROUP BY course_id, chapter_id
)
SELECT
  @as_of_date AS as_of_date,
  by_visit.course_id,
  by_visit.chapter_id,
  SAFE_DIVIDE(by_visit.total_ms, 1000 * by_visit.total_visits) AS average_time_spent_seconds,
  SAFE_DIVIDE(by_visit.median_ms, 1000) AS median_time_spent_seconds,
  SAFE_DIVIDE(by_visit.p5_ms, 1000) AS p5_time_spent_seconds,
  SAFE_DIVIDE(by_visit.p25_ms, 1000) AS p25_time_spent_seconds,
  SAFE_DIVIDE(by_visit.p75_ms, 1000) AS p75_time_spent_seconds,
  SAFE_DIVIDE(by_visit.p95_ms, 1000) AS p95_time_spent_seconds,
  SAFE_DIVIDE(by_visit.total_ms, 1000 * by_visit.unique_students)
    AS average_time_per_student_seconds,
  SAFE_DIVIDE(by_student.median_ms, 1000) AS median_time_per_student_seconds,
  by_visit.total_visits,
  by_visit.unique_students,
  by_visit.drop_off_rate,
  by_visit.completion_rate,
  difficulty.difficulty_score
FROM by_visit
JOIN by_student
  ON
    by_student.course_id IS NOT DISTINCT FROM by_visit.course_id
    AND by_student.chapter_id = by_visit.chapter_id
LEFT JOIN gold.chapter_difficulty AS difficulty
  ON
    difficulty.as_of_date = @as_of_date
    AND difficulty.course_id IS NOT DISTINCT FROM by_visit.course_id
    AND difficulty.chapter_id = by_visit.chapter_id
