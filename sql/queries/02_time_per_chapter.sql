-- Which chapters take the most time, and which the least?
-- One row per course and chapter with a visit, most time in all first.
--   course (text): title, else id
--   chapter (text): title, else id
--   hours (double): time of all visits together
--   minutes_per_visit (double): mean over visits
--   n (integer): visits
--   place_from_most (integer): 1 takes the most time in all; equals share a place
--   place_from_least (integer): 1 takes the least time in all
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: a tab left open counts until the next event; `active` time is in silver.chapter_visits.
WITH chapters AS (
  SELECT
    course_id,
    chapter_id,
    SUM(visits_count) AS n,
    SUM(CAST(ROUND(total_time_spent_seconds * 1000) AS INT64)) AS time_ms
  FROM gold.chapter_engagement
  WHERE date BETWEEN @start_date AND @end_date
  GROUP BY course_id, chapter_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  SAFE_DIVIDE(v.time_ms, 3600000) AS hours,
  SAFE_DIVIDE(v.time_ms, v.n * 60000) AS minutes_per_visit,
  v.n,
  RANK() OVER (ORDER BY v.time_ms DESC) AS place_from_most,
  RANK() OVER (ORDER BY v.time_ms) AS place_from_least,
  v.course_id,
  v.chapter_id
FROM chapters AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
ORDER BY v.time_ms DESC, v.course_id NULLS LAST, v.chapter_id
