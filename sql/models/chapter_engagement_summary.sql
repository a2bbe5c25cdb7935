-- All visits of a chapter by a student, added up in whole milliseconds: the order cannot matter.
WITH visits AS (
  SELECT
    student_hash,
    course_id,
    chapter_id,
    started_at,
    scroll_depth,
    completion_rate,
    is_completed,
    CAST(ROUND(time_spent_seconds * 1000) AS INT64) AS time_ms,
    CAST(ROUND(active_seconds * 1000) AS INT64) AS active_ms
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
)
SELECT
  @as_of_date AS as_of_date,
  student_hash,
  course_id,
  chapter_id,
  SAFE_DIVIDE(SUM(time_ms), 1000) AS total_time_spent_seconds,
  SAFE_DIVIDE(SUM(time_ms), 1000 * COUNT(*)) AS average_time_spent_seconds,
  SAFE_DIVIDE(SUM(active_ms), 1000) AS active_seconds,
  COUNT(*) AS visits_count,
  MAX(started_at) AS last_visited_at,
  MAX(completion_rate) AS completion_rate,
  IF(
    MAX(scroll_depth) IS NULL,
    NULL,
    MAX(scroll_depth) < 50 AND NOT IFNULL(LOGICAL_OR(is_completed), FALSE)
  ) AS is_drop_off
FROM visits
GROUP BY student_hash, course_id, chapter_id
