-- In which chapters do visits break off?
-- One row per course and chapter with a visit of known depth, highest rate first.
--   course (text): title, else id
--   chapter (text): title, else id
--   drop_off_rate (double): share of the visits that scrolled less than half and did not complete
--   drop_offs (integer): those visits
--   n (integer): visits whose depth is known
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: a student may come back and finish: where_students_stop tells who did not.
WITH chapters AS (
  SELECT
    course_id,
    chapter_id,
    SUM(drop_off_count) AS drop_offs,
    SUM(drop_off_known_count) AS n
  FROM gold.chapter_engagement
  WHERE date BETWEEN @start_date AND @end_date
  GROUP BY course_id, chapter_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  SAFE_DIVIDE(v.drop_offs, v.n) AS drop_off_rate,
  v.drop_offs,
  v.n,
  v.course_id,
  v.chapter_id
FROM chapters AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
WHERE v.n > 0
ORDER BY drop_off_rate DESC, v.n DESC, v.course_id NULLS LAST, v.chapter_id
