-- How do courses compare, visit by visit?
-- One row per course with a visit, most time first.
--   course (text): title, else id
--   hours (double): time of all visits together
--   median_minutes (double): half of the visits take longer (exact, linear interpolation)
--   drop_off_rate (double or null): drop-offs over visits where it is known
--   drop_off_n (integer): those visits
--   completion_rate (double or null): completed over visits where it is known
--   completion_n (integer): those visits
--   n (integer): visits
--   course_id (text or null): course
-- The median is found as in time_distribution: counted by quarters of a minute, few put in order.
WITH visits AS (
  SELECT
    course_id,
    CAST(FLOOR(SAFE_DIVIDE(time_spent_seconds, 15)) AS INT64) AS quarter,
    CAST(ROUND(time_spent_seconds * 1000) AS INT64) AS time_ms
  FROM silver.chapter_visits
  WHERE visit_date BETWEEN @start_date AND @end_date
),
by_quarter AS (
  SELECT course_id, quarter, COUNT(*) AS held
  FROM visits
  GROUP BY course_id, quarter
),
counted AS (
  SELECT
    course_id,
    quarter,
    held,
    SUM(held) OVER (PARTITION BY course_id ORDER BY quarter) - held AS before,
    SAFE_DIVIDE(SUM(held) OVER (PARTITION BY course_id) - 1, 2) AS place
  FROM by_quarter
),
neighbours AS (
  SELECT
    k.course_id,
    k.place,
    v.time_ms,
    k.before + ROW_NUMBER() OVER (
      PARTITION BY k.course_id, k.quarter ORDER BY v.time_ms
    ) - 1 AS place_of_visit
  FROM counted AS k
  JOIN visits AS v
    ON v.course_id IS NOT DISTINCT FROM k.course_id AND v.quarter = k.quarter
  WHERE CEIL(k.place) >= k.before AND FLOOR(k.place) < k.before + k.held
),
medians AS (
  SELECT course_id, SAFE_DIVIDE(MIN(time_ms) + MAX(time_ms), 120000) AS median_minutes
  FROM neighbours
  WHERE place_of_visit = FLOOR(place) OR place_of_visit = CEIL(place)
  GROUP BY course_id
),
courses AS (
  SELECT
    course_id,
    SUM(visits_count) AS n,
    SUM(CAST(ROUND(total_time_spent_seconds * 1000) AS INT64)) AS time_ms,
    SUM(drop_off_count) AS drop_offs,
    SUM(drop_off_known_count) AS drop_off_n,
    SUM(completed_count) AS completed,
    SUM(completion_known_count) AS completion_n
  FROM gold.chapter_engagement
  WHERE date BETWEEN @start_date AND @end_date
  GROUP BY course_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  SAFE_DIVIDE(v.time_ms, 3600000) AS hours,
  m.median_minutes,
  SAFE_DIVIDE(v.drop_offs, v.drop_off_n) AS drop_off_rate,
  v.drop_off_n,
  SAFE_DIVIDE(v.completed, v.completion_n) AS completion_rate,
  v.completion_n,
  v.n,
  v.course_id
FROM courses AS v
JOIN medians AS m ON m.course_id IS NOT DISTINCT FROM v.course_id
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
ORDER BY v.time_ms DESC, v.course_id NULLS LAST
