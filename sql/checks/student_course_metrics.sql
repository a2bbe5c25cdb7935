-- check: time_of_the_visits | error: The time over courses is that of all visits up to the date.
SELECT
  (SELECT IFNULL(SUM(time_spent_total_seconds), 0) FROM gold.student_course_metrics) AS observed,
  (
    SELECT IFNULL(SUM(time_spent_seconds), 0)
    FROM silver.chapter_visits
    WHERE visit_date <= @as_of_date
  ) AS expected;

-- check: time_by_kind | error: Video, reading and quiz time make up the total.
SELECT
  SUM(time_spent_video_seconds + time_spent_reading_seconds + time_spent_quiz_seconds)
    AS observed,
  SUM(time_spent_total_seconds) AS expected
FROM gold.student_course_metrics;

-- check: students_of_silver | error: Every student and course with a visit has a row.
SELECT COUNT(*) AS observed, 0 AS expected
FROM (
  SELECT DISTINCT student_hash, course_id
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
) AS visited
LEFT JOIN gold.student_course_metrics AS metrics
  ON
    metrics.student_hash = visited.student_hash
    AND metrics.course_id IS NOT DISTINCT FROM visited.course_id
WHERE metrics.student_hash IS NULL;

-- check: parts_within_wholes | error: No part of a course is larger than the whole.
SELECT
  COUNTIF(
    lessons_completed > lessons_started
    OR chapters_completed > chapters_started
    OR quizzes_passed > quizzes_attempted
  ) AS observed,
  0 AS expected
FROM gold.student_course_metrics;

-- check: nothing_later | error: No activity lies after the date.
SELECT COUNTIF(last_activity_date > @as_of_date) AS observed, 0 AS expected
FROM gold.student_course_metrics;
