-- Is the average visit of a chapter a typical one?
-- One row per course and chapter with a visit, average furthest above the median first.
--   course (text): title, else id
--   chapter (text): title, else id
--   average_minutes (double): mean over visits
--   median_minutes (double): half of the visits take longer
--   average_over_median (double or null): far above 1, a few long visits make the average
--   n (integer): visits
--   students (integer): distinct students
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: over all history up to @as_of_date; for a range of days ask time_distribution.
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  SAFE_DIVIDE(v.average_time_spent_seconds, 60) AS average_minutes,
  SAFE_DIVIDE(v.median_time_spent_seconds, 60) AS median_minutes,
  SAFE_DIVIDE(v.average_time_spent_seconds, v.median_time_spent_seconds) AS average_over_median,
  v.total_visits AS n,
  v.unique_students AS students,
  v.course_id,
  v.chapter_id
FROM gold.chapter_analytics AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
WHERE v.as_of_date = @as_of_date
ORDER BY average_over_median DESC NULLS LAST, v.course_id NULLS LAST, v.chapter_id
