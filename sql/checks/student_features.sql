-- check: students_of_silver | error: Every student with a session up to the date has a row.
SELECT
  (SELECT COUNT(*) FROM gold.student_features) AS observed,
  (SELECT COUNT(DISTINCT student_hash) FROM silver.sessions WHERE session_date <= @as_of_date)
    AS expected;

-- check: time_of_30_days | error: The time of 30 dates is that of the sessions, day by day.
SELECT
  (SELECT IFNULL(SUM(time_spent_30d_seconds), 0) FROM gold.student_features) AS observed,
  (
    SELECT IFNULL(SUM(total_time_spent_seconds), 0)
    FROM gold.session_daily_stats
    WHERE date <= @as_of_date AND UNIX_DATE(@as_of_date) - UNIX_DATE(date) < 30
  ) AS expected;

-- check: answers_of_30_days | error: All answers of the last 30 dates count.
SELECT
  (SELECT IFNULL(SUM(quiz_attempts_30d), 0) FROM gold.student_features) AS observed,
  (
    SELECT IFNULL(SUM(attempts_count), 0)
    FROM gold.question_attempts_summary
    WHERE date <= @as_of_date AND UNIX_DATE(@as_of_date) - UNIX_DATE(date) < 30
  ) AS expected;

-- check: week_within_month | error: The last 7 dates never hold more than the last 30.
SELECT
  COUNTIF(
    time_spent_7d_seconds > time_spent_30d_seconds
    OR sessions_7d > sessions_30d
    OR active_days_7d > active_days_30d
    OR active_days_7d > 7
    OR active_days_30d > 30
  ) AS observed,
  0 AS expected
FROM gold.student_features;

-- check: streak_is_current | error: Who has a streak had a session on the date, and nobody else.
SELECT
  COUNTIF((streak_days > 0) != (last_login_days_ago = 0) OR last_login_days_ago < 0) AS observed,
  0 AS expected
FROM gold.student_features;
