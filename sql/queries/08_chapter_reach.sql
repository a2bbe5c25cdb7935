-- How many students of a course get to each chapter?
-- One row per course and chapter with a visit, in the order of the catalogue.
--   course (text): title, else id
--   chapter_order (integer or null): place in the course by the catalogue
--   chapter (text): title, else id
--   students (integer): distinct students with a visit of the chapter
--   share_of_course (double): of the students of the course
--   n (integer): distinct students with a visit of the course
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: chapters that nobody visited have no row.
WITH students AS (
  SELECT course_id, chapter_id, student_hash
  FROM silver.chapter_visits
  WHERE visit_date BETWEEN @start_date AND @end_date
  GROUP BY course_id, chapter_id, student_hash
),
chapters AS (
  SELECT course_id, chapter_id, COUNT(*) AS students FROM students GROUP BY course_id, chapter_id
),
courses AS (
  SELECT course_id, COUNT(DISTINCT student_hash) AS n FROM students GROUP BY course_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  d.chapter_order,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  v.students,
  SAFE_DIVIDE(v.students, k.n) AS share_of_course,
  k.n,
  v.course_id,
  v.chapter_id
FROM chapters AS v
JOIN courses AS k ON k.course_id IS NOT DISTINCT FROM v.course_id
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
ORDER BY v.course_id NULLS LAST, d.chapter_order NULLS LAST, v.chapter_id
