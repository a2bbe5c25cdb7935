-- How long is a visit of a chapter, from short to long?
-- One row per course and chapter with a visit, longest median first: the figures of a box plot.
--   course (text): title, else id
--   chapter (text): title, else id
--   p5 (double): minutes; 5 % of the visits are shorter
--   p25 (double): minutes; a quarter of the visits is shorter
--   median (double): minutes; half of the visits are shorter
--   p75 (double): minutes; a quarter of the visits is longer
--   p95 (double): minutes; 5 % of the visits are longer
--   average (double): minutes; mean over visits
--   n (integer): visits
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: exact (linear interpolation), however many days: quantiles of days cannot be averaged.
-- Visits are counted by quarters of a minute first, and only those of the quarters in which a
-- quantile lies are put in order: ordering all visits of a year takes twice the work.
WITH visits AS (
  SELECT
    course_id,
    chapter_id,
    CAST(FLOOR(SAFE_DIVIDE(time_spent_seconds, 15)) AS INT64) AS quarter,
    CAST(ROUND(time_spent_seconds * 1000) AS INT64) AS time_ms
  FROM silver.chapter_visits
  WHERE visit_date BETWEEN @start_date AND @end_date
),
by_quarter AS (
  SELECT course_id, chapter_id, quarter, COUNT(*) AS held, SUM(time_ms) AS time_ms
  FROM visits
  GROUP BY course_id, chapter_id, quarter
),
counted AS (
  SELECT
    course_id,
    chapter_id,
    quarter,
    held,
    SUM(held) OVER (PARTITION BY course_id, chapter_id ORDER BY quarter) - held AS before,
    SUM(held) OVER (PARTITION BY course_id, chapter_id) AS n,
    SUM(time_ms) OVER (PARTITION BY course_id, chapter_id) AS total_ms
  FROM by_quarter
),
shares AS (
  SELECT 1 AS twentieths UNION ALL SELECT 5 UNION ALL SELECT 10 UNION ALL SELECT 15
  UNION ALL SELECT 19
),
places AS (
  SELECT counted.*, twentieths, SAFE_DIVIDE(twentieths * (n - 1), 20) AS place
  FROM counted CROSS JOIN shares
),
-- No two are equal: the grouping tells DuckDB that they are few, before it joins the visits.
wanted AS (
  SELECT course_id, chapter_id, quarter, before, n, total_ms, twentieths
  FROM places
  WHERE CEIL(place) >= before AND FLOOR(place) < before + held
  GROUP BY course_id, chapter_id, quarter, before, n, total_ms, twentieths
),
neighbours AS (
  SELECT
    w.course_id, w.chapter_id, w.twentieths, w.n, w.total_ms, v.time_ms,
    SAFE_DIVIDE(w.twentieths * (w.n - 1), 20) AS place,
    w.before + ROW_NUMBER() OVER (
      PARTITION BY w.course_id, w.chapter_id, w.twentieths, w.quarter ORDER BY v.time_ms
    ) - 1 AS place_of_visit
  FROM wanted AS w
  JOIN visits AS v
    ON v.course_id IS NOT DISTINCT FROM w.course_id
    AND v.chapter_id = w.chapter_id
    AND v.quarter = w.quarter
),
quantiles AS (
  SELECT
    course_id, chapter_id, twentieths, n, total_ms,
    SAFE_DIVIDE(
      MIN(time_ms) + (MAX(time_ms) - MIN(time_ms)) * MAX(place - FLOOR(place)), 60000
    ) AS minutes
  FROM neighbours
  WHERE place_of_visit = FLOOR(place) OR place_of_visit = CEIL(place)
  GROUP BY course_id, chapter_id, twentieths, n, total_ms
),
boxes AS (
  SELECT
    course_id, chapter_id, n,
    MAX(IF(twentieths = 1, minutes, NULL)) AS p5,
    MAX(IF(twentieths = 5, minutes, NULL)) AS p25,
    MAX(IF(twentieths = 10, minutes, NULL)) AS median,
    MAX(IF(twentieths = 15, minutes, NULL)) AS p75,
    MAX(IF(twentieths = 19, minutes, NULL)) AS p95,
    SAFE_DIVIDE(MAX(total_ms), n * 60000) AS average
  FROM quantiles
  GROUP BY course_id, chapter_id, n
)
SELECT
  COALESCE(c.course_title, b.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, b.chapter_id) AS chapter,
  b.p5, b.p25, b.median, b.p75, b.p95, b.average, b.n, b.course_id, b.chapter_id
FROM boxes AS b
LEFT JOIN gold.dim_courses AS c ON c.course_id = b.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = b.course_id AND d.chapter_id = b.chapter_id
ORDER BY b.median DESC, b.course_id NULLS LAST, b.chapter_id
