-- Which course an event without a course is of is said in `schemas`; an answer is of the course of
-- its event. Each part is added up for itself and joined to the students and courses that any part
-- knows, so that no join multiplies another part. What has to be counted once (lessons, quizzes,
-- sessions) is grouped first: that is much faster than distinct counts over all events.
WITH things AS (
  SELECT
    student_hash,
    course_id,
    lesson_id,
    IF(STARTS_WITH(event_type, 'quiz_'), quiz_id, NULL) AS quiz_id,
    IF(event_type = 'assignment_submit', assignment_id, NULL) AS submitted_id,
    LOGICAL_OR(event_type = 'lesson_complete') AS is_lesson_completed,
    LOGICAL_OR(event_type = 'course_complete') AS is_course_completed,
    MAX(occurred_at) AS last_activity_at,
    MAX(event_date) AS last_activity_date
  FROM silver.events
  WHERE
    event_date <= @as_of_date
    AND (
      COALESCE(course_id, chapter_id, lesson_id, video_id, quiz_id, assignment_id) IS NOT NULL
      OR STARTS_WITH(event_type, 'course_')
      OR STARTS_WITH(event_type, 'quiz_')
    )
  GROUP BY student_hash, course_id, lesson_id, 4, 5
),
of_events AS (
  SELECT
    student_hash,
    course_id,
    COUNT(DISTINCT lesson_id) AS lessons_started,
    COUNT(DISTINCT IF(is_lesson_completed, lesson_id, NULL)) AS lessons_completed,
    COUNT(DISTINCT quiz_id) AS quizzes_attempted,
    COUNT(DISTINCT submitted_id) AS assignments_submitted,
    LOGICAL_OR(is_course_completed) AS is_completed,
    MAX(last_activity_at) AS last_activity_at,
    MAX(last_activity_date) AS last_activity_date
  FROM things
  GROUP BY student_hash, course_id
),
of_chapters AS (
  SELECT
    summary.student_hash,
    summary.course_id,
    COUNT(*) AS chapters_started,
    COUNTIF(summary.completion_rate >= 0.9) AS chapters_completed,
    COUNTIF(summary.completion_rate >= 0.9 AND chapter.chapter_id IS NOT NULL)
      AS known_chapters_completed
  FROM gold.chapter_engagement_summary AS summary
  LEFT JOIN gold.dim_chapters AS chapter
    ON chapter.course_id = summary.course_id AND chapter.chapter_id = summary.chapter_id
  WHERE summary.as_of_date = @as_of_date
  GROUP BY summary.student_hash, summary.course_id
),
visits AS (
  SELECT
    student_hash,
    course_id,
    session_id,
    started_at,
    visit_date,
    activity_kind,
    CAST(ROUND(time_spent_seconds * 1000) AS INT64) AS time_ms
  FROM silver.chapter_visits
  WHERE visit_date <= @as_of_date
),
visited_sessions AS (
  SELECT
    student_hash,
    course_id,
    session_id,
    SUM(time_ms) AS total_ms,
    SUM(IF(activity_kind = 'video', time_ms, 0)) AS video_ms,
    SUM(IF(activity_kind = 'reading', time_ms, 0)) AS reading_ms,
    SUM(IF(activity_kind = 'quiz', time_ms, 0)) AS quiz_ms,
    MAX(started_at) AS last_activity_at,
    MAX(visit_date) AS last_activity_date
  FROM visits
  GROUP BY student_hash, course_id, session_id
),
of_visits AS (
  SELECT
    visited.student_hash,
    visited.course_id,
    COUNT(*) AS sessions_count,
    SUM(CAST(ROUND(session.session_duration_seconds * 1000) AS INT64)) AS sessions_ms,
    SUM(visited.total_ms) AS total_ms,
    SUM(visited.video_ms) AS video_ms,
    SUM(visited.reading_ms) AS reading_ms,
    SUM(visited.quiz_ms) AS quiz_ms,
    MAX(visited.last_activity_at) AS last_activity_at,
    MAX(visited.last_activity_date) AS last_activity_date
  FROM visited_sessions AS visited
  LEFT JOIN silver.sessions AS session
    ON session.session_id = visited.session_id
  GROUP BY visited.student_hash, visited.course_id
),
of_views AS (
  SELECT
    student_hash,
    course_id,
    COUNT(DISTINCT IF(watched_seconds > 0, video_id, NULL)) AS videos_watched,
    AVG(watch_ratio) AS video_watch_ratio_average,
    MAX(started_at) AS last_activity_at,
    MAX(view_date) AS last_activity_date
  FROM silver.video_views
  WHERE view_date <= @as_of_date
  GROUP BY student_hash, course_id
),
quiz_days AS (
  SELECT
    student_hash,
    course_id,
    quiz_id,
    attempt_date,
    COUNTIF(is_correct) AS correct_count,
    COUNT(is_correct) AS known_count
  FROM silver.question_attempts
  WHERE attempt_date <= @as_of_date
  GROUP BY student_hash, course_id, quiz_id, attempt_date
),
pass_marks AS (
  SELECT quiz_id, MAX(pass_mark) AS pass_mark
  FROM gold.dim_questions
  GROUP BY quiz_id
),
of_answers AS (
  SELECT
    day.student_hash,
    day.course_id,
    COUNT(
      DISTINCT IF(
        SAFE_DIVIDE(day.correct_count, day.known_count)
        >= COALESCE(pass_marks.pass_mark, @pass_mark),
        day.quiz_id,
        NULL
      )
    ) AS quizzes_passed,
    SAFE_DIVIDE(SUM(day.correct_count), SUM(day.known_count)) AS quiz_average_score
  FROM quiz_days AS day
  LEFT JOIN pass_marks
    ON pass_marks.quiz_id = day.quiz_id
  GROUP BY day.student_hash, day.course_id
),
last_activities AS (
  SELECT student_hash, course_id, last_activity_at, last_activity_date FROM of_events
  UNION ALL
  SELECT student_hash, course_id, last_activity_at, last_activity_date FROM of_visits
  UNION ALL
  SELECT student_hash, course_id, last_activity_at, last_activity_date FROM of_views
),
students AS (
  SELECT
    student_hash,
    course_id,
    MAX(last_activity_at) AS last_activity_at,
    MAX(last_activity_date) AS last_activity_date
  FROM last_activities
  GROUP BY student_hash, course_id
),
total_chapters AS (
  SELECT course_id, COUNT(*) AS total_chapters
  FROM gold.dim_chapters
  GROUP BY course_id
),
total_lessons AS (
  SELECT chapter.course_id, COUNT(DISTINCT lesson_id) AS total_lessons
  FROM gold.dim_chapters AS chapter, UNNEST(chapter.lesson_ids) AS lesson_id
  GROUP BY chapter.course_id
),
session_dates AS (
  SELECT DISTINCT student_hash, UNIX_DATE(session_date) AS day
  FROM silver.sessions
  WHERE session_date <= @as_of_date
),
-- Counted back from the last one, dates without a hole between them have the same sum.
runs AS (
  SELECT
    student_hash,
    day + ROW_NUMBER() OVER (PARTITION BY student_hash ORDER BY day DESC) AS day_after
  FROM session_dates
),
streaks AS (
  SELECT student_hash, COUNT(*) AS streak_days
  FROM runs
  WHERE day_after = UNIX_DATE(@as_of_date) + 1
  GROUP BY student_hash
)
SELECT
  @as_of_date AS as_of_date,
  student.student_hash,
  student.course_id,
  IF(
    total_chapters.total_chapters IS NULL,
    SAFE_DIVIDE(of_chapters.chapters_completed, of_chapters.chapters_started),
    SAFE_DIVIDE(IFNULL(of_chapters.known_chapters_completed, 0), total_chapters.total_chapters)
  ) AS completion_ratio,
  IFNULL(of_events.is_completed, FALSE)
  OR IFNULL(of_chapters.known_chapters_completed = total_chapters.total_chapters, FALSE)
    AS is_completed,
  IFNULL(of_events.lessons_started, 0) AS lessons_started,
  IFNULL(of_events.lessons_completed, 0) AS lessons_completed,
  total_lessons.total_lessons,
  IFNULL(of_chapters.chapters_started, 0) AS chapters_started,
  IFNULL(of_chapters.chapters_completed, 0) AS chapters_completed,
  total_chapters.total_chapters,
  SAFE_DIVIDE(IFNULL(of_visits.total_ms, 0), 1000) AS time_spent_total_seconds,
  SAFE_DIVIDE(IFNULL(of_visits.video_ms, 0), 1000) AS time_spent_video_seconds,
  SAFE_DIVIDE(IFNULL(of_visits.reading_ms, 0), 1000) AS time_spent_reading_seconds,
  SAFE_DIVIDE(IFNULL(of_visits.quiz_ms, 0), 1000) AS time_spent_quiz_seconds,
  IFNULL(of_visits.sessions_count, 0) AS sessions_count,
  SAFE_DIVIDE(of_visits.sessions_ms, 1000 * of_visits.sessions_count)
    AS average_session_duration_seconds,
  IFNULL(of_views.videos_watched, 0) AS videos_watched,
  of_views.video_watch_ratio_average,
  IFNULL(of_events.quizzes_attempted, 0) AS quizzes_attempted,
  IFNULL(of_answers.quizzes_passed, 0) AS quizzes_passed,
  of_answers.quiz_average_score,
  IFNULL(of_events.assignments_submitted, 0) AS assignments_submitted,
  student.last_activity_at,
  student.last_activity_date,
  IFNULL(streaks.streak_days, 0) AS streak_days
FROM students AS student
LEFT JOIN of_events
  ON
    of_events.student_hash = student.student_hash
    AND of_events.course_id IS NOT DISTINCT FROM student.course_id
LEFT JOIN of_chapters
  ON
    of_chapters.student_hash = student.student_hash
    AND of_chapters.course_id IS NOT DISTINCT FROM student.course_id
LEFT JOIN of_visits
  ON
    of_visits.student_hash = student.student_hash
    AND of_visits.course_id IS NOT DISTINCT FROM student.course_id
LEFT JOIN of_views
  ON
    of_views.student_hash = student.student_hash
    AND of_views.course_id IS NOT DISTINCT FROM student.course_id
LEFT JOIN of_answers
  ON
    of_answers.student_hash = student.student_hash
    AND of_answers.course_id IS NOT DISTINCT FROM student.course_id
LEFT JOIN total_chapters
  ON total_chapters.course_id = student.course_id
LEFT JOIN total_lessons
  ON total_lessons.course_id = student.course_id
LEFT JOIN streaks
  ON streaks.student_hash = student.student_hash
