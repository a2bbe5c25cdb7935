-- Which chapters are the hardest?
-- One row per course and chapter with a difficulty score, hardest first.
--   course (text): title, else id
--   chapter (text): title, else id
--   difficulty_score (double): 0 easy - 1 hard, of the three that follow n
--   n (integer): students
--   time_rank (double or null): rank of its active time among the chapters of the course (0-1)
--   drop_off_rate (double or null): share of the visits that broke off
--   quiz_accuracy (double or null): right answers over answers of known result
--   median_active_minutes (double): median active time of a visit
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: over all history up to @as_of_date; chapters of fewer than 5 students have no score.
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  v.difficulty_score,
  v.students AS n,
  v.time_rank,
  v.drop_off_rate,
  v.quiz_accuracy,
  SAFE_DIVIDE(v.median_active_seconds, 60) AS median_active_minutes,
  v.course_id,
  v.chapter_id
FROM gold.chapter_difficulty AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
WHERE v.as_of_date = @as_of_date AND v.difficulty_score IS NOT NULL
ORDER BY v.difficulty_score DESC, v.course_id NULLS LAST, v.chapter_id
