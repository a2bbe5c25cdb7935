-- A median between two places of the sorted visits is the sum of what lies less than one place
-- away, weighted by nearness. Ratios of whole milliseconds, so that equal ones share a rank.
-- An answer belongs to the chapter that its event names.
WITH visits AS (
  SELECT
    student_hash,
    course_id,
    chapter_id,
    is_drop_off,
    CAST(ROUND(active_seconds * 1000) AS INT64) AS active_ms
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
),
placed AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY course_id, chapter_id ORDER BY active_ms) - 1 AS place,
    COUNT(*) OVER (PARTITION BY course_id, chapter_id) - 1 AS last_place
  FROM visits
),
chapters AS (
  SELECT
    course_id,
    chapter_id,
    COUNT(DISTINCT student_hash) AS students,
    SUM(active_ms * GREATEST(0, 1 - ABS(place - 0.5e0 * last_place))) AS median_active_ms,
    SAFE_DIVIDE(COUNTIF(is_drop_off), COUNT(is_drop_off)) AS drop_off_rate
  FROM placed
  GROUP BY course_id, chapter_id
),
answers AS (
  SELECT
    course_id,
    chapter_id,
    SAFE_DIVIDE(COUNTIF(is_correct), COUNT(is_correct)) AS quiz_accuracy
  FROM silver.question_attempts
  WHERE attempt_date <= @as_of_date AND chapter_id IS NOT NULL
  GROUP BY course_id, chapter_id
),
expected AS (
  SELECT
    course_id,
    chapter_id,
    CAST(ROUND(expected_minutes * 60000) AS INT64) AS expected_ms
  FROM gold.dim_chapters
  WHERE expected_minutes > 0
),
measured AS (
  SELECT
    chapter.course_id,
    chapter.chapter_id,
    chapter.students,
    chapter.median_active_ms,
    chapter.drop_off_rate,
    answers.quiz_accuracy,
    expected.expected_ms,
    COUNT(expected.expected_ms) OVER (PARTITION BY chapter.course_id)
    = COUNT(*) OVER (PARTITION BY chapter.course_id) AS is_expected
  FROM chapters AS chapter
  LEFT JOIN answers
    ON
      answers.course_id IS NOT DISTINCT FROM chapter.course_id
      AND answers.chapter_id = chapter.chapter_id
  LEFT JOIN expected
    ON expected.course_id = chapter.course_id AND expected.chapter_id = chapter.chapter_id
),
ranked AS (
  SELECT
    *,
    PERCENT_RANK() OVER (
      PARTITION BY course_id
      ORDER BY IF(is_expected, SAFE_DIVIDE(median_active_ms, expected_ms), median_active_ms)
    ) AS time_rank
  FROM measured
)
SELECT
  @as_of_date AS as_of_date,
  course_id,
  chapter_id,
  students,
  SAFE_DIVIDE(median_active_ms, 1000) AS median_active_seconds,
  time_rank,
  drop_off_rate,
  quiz_accuracy,
  IF(
    students < 5,
    NULL,
    SAFE_DIVIDE(
      0.5 * time_rank + IFNULL(0.3 * drop_off_rate, 0) + IFNULL(0.2 * (1 - quiz_accuracy), 0),
      0.5 + IF(drop_off_rate IS NULL, 0, 0.3) + IF(quiz_accuracy IS NULL, 0, 0.2)
    )
  ) AS difficulty_score
FROM ranked
