-- At which chapter do students stop?
-- One row per course and chapter that a student reached, highest share first.
--   course (text): title, else id
--   chapter_order (integer or null): place in the course by the catalogue
--   chapter (text): title, else id
--   stopped_share (double): stopped over reached
--   stopped (integer): students away for 7 days whose last chapter it is, course not completed
--   n (integer): students who reached the chapter
--   course_id (text or null): course
--   chapter_id (text): chapter
-- Caveat: over all history up to @as_of_date; nobody has stopped in the first 7 days.
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  v.chapter_order,
  COALESCE(d.chapter_title, v.chapter_id) AS chapter,
  v.drop_off_index AS stopped_share,
  v.students_stopped AS stopped,
  v.students_reached AS n,
  v.course_id,
  v.chapter_id
FROM gold.course_dropoff AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
LEFT JOIN gold.dim_chapters AS d ON d.course_id = v.course_id AND d.chapter_id = v.chapter_id
WHERE v.as_of_date = @as_of_date
ORDER BY stopped_share DESC, n DESC, v.course_id NULLS LAST, v.chapter_id
