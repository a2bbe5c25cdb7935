-- Sessions, answers and views of the last 7 and 30 dates, and habits of the last 28. Time is summed
-- in whole milliseconds and divided last, so that the trend of steady work is exactly 0. Sessions
-- become one row per student and date first: streaks and repeated weekdays are about dates.
WITH active_dates AS (
  SELECT
    student_hash,
    UNIX_DATE(@as_of_date) - UNIX_DATE(session_date) AS days_ago,
    COUNT(*) AS sessions_count,
    SUM(CAST(ROUND(session_duration_seconds * 1000) AS INT64)) AS time_ms
  FROM silver.sessions
  WHERE session_date <= @as_of_date
  GROUP BY student_hash, session_date
), placed_dates AS (
  -- A date is in the streak when as many dates with a session come after it as dates at all.
  SELECT
    student_hash, days_ago, sessions_count, time_ms,
    ROW_NUMBER() OVER (PARTITION BY student_hash ORDER BY days_ago) - 1 = days_ago AS is_in_streak
  FROM active_dates
), repeated_dates AS (
  -- Same weekday, one week earlier, both among the last 28 dates.
  SELECT later.student_hash, COUNT(*) AS repeats_count
  FROM active_dates AS later
  JOIN active_dates AS earlier
    ON earlier.student_hash = later.student_hash AND earlier.days_ago = later.days_ago + 7
  WHERE earlier.days_ago < 28
  GROUP BY later.student_hash
), habits AS (
  SELECT
    student_hash,
    SUM(IF(days_ago < 7, time_ms, 0)) AS time_7d_ms,
    SUM(IF(days_ago < 30, time_ms, 0)) AS time_30d_ms,
    SUM(IF(days_ago < 7, sessions_count, 0)) AS sessions_7d,
    SUM(IF(days_ago < 30, sessions_count, 0)) AS sessions_30d,
    COUNTIF(days_ago < 7) AS week_1,
    COUNTIF(days_ago BETWEEN 7 AND 13) AS week_2,
    COUNTIF(days_ago BETWEEN 14 AND 20) AS week_3,
    COUNTIF(days_ago BETWEEN 21 AND 27) AS week_4,
    COUNTIF(days_ago < 30) AS active_days_30d,
    MIN(days_ago) AS last_login_days_ago,
    COUNTIF(is_in_streak) AS streak_days
  FROM placed_dates
  GROUP BY student_hash
), answers AS (
  SELECT
    student_hash,
    COUNT(*) AS attempts_count,
    COUNTIF(is_correct IS NOT NULL) AS known_count,
    COUNTIF(is_correct) AS correct_count
  FROM silver.question_attempts
  WHERE attempt_date <= @as_of_date
    AND attempt_date > DATE_FROM_UNIX_DATE(UNIX_DATE(@as_of_date) - 30)
  GROUP BY student_hash
), views AS (
  SELECT student_hash, AVG(watch_ratio) AS watch_ratio
  FROM silver.video_views
  WHERE view_date <= @as_of_date
    AND view_date > DATE_FROM_UNIX_DATE(UNIX_DATE(@as_of_date) - 30)
  GROUP BY student_hash
)
SELECT
  @as_of_date AS as_of_date,
  habits.student_hash,
  SAFE_DIVIDE(time_7d_ms, 1000) AS time_spent_7d_seconds,
  SAFE_DIVIDE(time_30d_ms, 1000) AS time_spent_30d_seconds,
  sessions_7d,
  sessions_30d,
  week_1 AS active_days_7d,
  active_days_30d,
  SAFE_DIVIDE(correct_count, known_count) AS quiz_accuracy_30d,
  IFNULL(attempts_count, 0) AS quiz_attempts_30d,
  watch_ratio AS video_watch_ratio_30d,
  last_login_days_ago,
  SAFE_DIVIDE(30 * time_7d_ms - 7 * time_30d_ms, 7 * time_30d_ms) AS engagement_trend,
  streak_days,
  SAFE_DIVIDE(
    IFNULL(repeats_count, 0),
    GREATEST(week_1, week_2) + GREATEST(week_2, week_3) + GREATEST(week_3, week_4)
  ) AS regularity
FROM habits
LEFT JOIN repeated_dates ON repeated_dates.student_hash = habits.student_hash
LEFT JOIN answers ON answers.student_hash = habits.student_hash
LEFT JOIN views ON views.student_hash = habits.student_hash
