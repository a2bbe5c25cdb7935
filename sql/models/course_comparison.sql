-- A row for every course that a student has a row of in `student_course_metrics`, which has the
-- time and the sessions; an answer is of the course of its event.
WITH courses AS (
  SELECT
    course_id,
    COUNTIF(chapters_started > 0) AS students,
    SUM(CAST(ROUND(time_spent_total_seconds * 1000) AS INT64)) AS time_ms,
    SUM(sessions_count) AS sessions_count
  FROM gold.student_course_metrics
  WHERE as_of_date = @as_of_date
  GROUP BY course_id
),
enrolments AS (
  SELECT course_id, COUNT(DISTINCT student_hash) AS enrolled_students
  FROM silver.events
  WHERE event_date <= @as_of_date AND event_type = 'course_enroll'
  GROUP BY course_id
),
visits AS (
  SELECT
    course_id,
    SAFE_DIVIDE(COUNTIF(is_completed), COUNT(is_completed)) AS completion_rate,
    SAFE_DIVIDE(COUNTIF(is_drop_off), COUNT(is_drop_off)) AS drop_off_rate
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
  GROUP BY course_id
),
answers AS (
  SELECT course_id, SAFE_DIVIDE(COUNTIF(is_correct), COUNT(is_correct)) AS quiz_accuracy
  FROM silver.question_attempts
  WHERE attempt_date <= @as_of_date
  GROUP BY course_id
),
views AS (
  SELECT course_id, AVG(watch_ratio) AS video_watch_ratio_average
  FROM silver.video_views
  WHERE view_date <= @as_of_date
  GROUP BY course_id
)
SELECT
  @as_of_date AS as_of_date,
  course.course_id,
  IFNULL(enrolments.enrolled_students, 0) AS enrolled_students,
  course.students,
  SAFE_DIVIDE(course.time_ms, 1000 * course.students) AS time_per_student_seconds,
  SAFE_DIVIDE(course.sessions_count, course.students) AS sessions_per_student,
  visits.completion_rate,
  visits.drop_off_rate,
  answers.quiz_accuracy,
  views.video_watch_ratio_average
FROM courses AS course
LEFT JOIN enrolments
  ON
    IFNULL(enrolments.course_id, '') = IFNULL(course.course_id, '')
    AND enrolments.course_id IS NOT DISTINCT FROM course.course_id
LEFT JOIN visits
  ON
    IFNULL(visits.course_id, '') = IFNULL(course.course_id, '')
    AND visits.course_id IS NOT DISTINCT FROM course.course_id
LEFT JOIN answers
  ON
    IFNULL(answers.course_id, '') = IFNULL(course.course_id, '')
    AND answers.course_id IS NOT DISTINCT FROM course.course_id
LEFT JOIN views
  ON
    IFNULL(views.course_id, '') = IFNULL(course.course_id, '')
    AND views.course_id IS NOT DISTINCT FROM course.course_id
