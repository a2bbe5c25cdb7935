-- How well are the questions of each chapter answered?
-- One row per course and chapter with an answer of known result, worst first.
--   course (text): title, else id
--   chapter (text): title, else id
--   accuracy (double): right over answers
--   students (integer): distinct students who answered
--   n (integer): answers whose result is known
--   course_id (text or null): course
--   chapter_id (text or null): chapter
-- Caveat: the chapter is that of the answer's event; every attempt counts, not only the first.
WITH chapters AS (
  SELECT
    course_id,
    chapter_id,
    COUNTIF(is_correct) AS correct,
    COUNT(DISTINCT student_hash) AS students,
    COUNT(*) AS n
  FROM silver.question_attempts
  WHERE is_correct IS NOT NULL AND attempt_date BETWEEN @start_date AND @end_date
  GROUP BY course_id, chapter_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  COALESCE(d.chapter_title, v.chapter_id, '(no chapter)') AS chapter,
  SAFE_DIVIDE(v.correct, v.n) AS accuracy,
  v.students,
  v.n,
  v.course_id,
  v.chapter_id
FROM chapters AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
ORDER BY accuracy, v.n DESC, v.course_id NULLS LAST, v.chapter_id NULLS LAST
