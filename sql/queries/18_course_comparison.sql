-- How do courses compare, student by student?
-- One row per course, most students first.
--   course (text): title, else id
--   n (integer): students with a visit
--   hours_per_student (double or null): visit time
--   sessions_per_student (double or null): sessions with a visit of the course
--   completion_rate (double or null): completed over visits where it is known
--   drop_off_rate (double or null): drop-offs over visits where it is known
--   quiz_accuracy (double or null): right answers over answers of known result
--   watch_ratio (double or null): mean share of a video that was played
--   enrolled_students (integer): students who enrolled
--   course_id (text or null): course
-- Caveat: over all history up to @as_of_date: an older course has had more time.
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  v.students AS n,
  SAFE_DIVIDE(v.time_per_student_seconds, 3600) AS hours_per_student,
  v.sessions_per_student,
  v.completion_rate,
  v.drop_off_rate,
  v.quiz_accuracy,
  v.video_watch_ratio_average AS watch_ratio,
  v.enrolled_students,
  v.course_id
FROM gold.course_comparison AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
WHERE v.as_of_date = @as_of_date
ORDER BY n DESC, v.course_id NULLS LAST
