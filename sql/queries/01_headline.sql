-- What does the school look like at a glance?
-- One row for all days of the range together; none when no day has an event.
--   first_date (date): first day with an event
--   last_date (date): last day with an event
--   students (integer): distinct students with an event
--   students_per_day (double): mean over the days with an event
--   sessions (integer): sessions that started
--   hours (double): time in sessions
--   visits (integer): chapter visits
--   n (integer): events
SELECT
  MIN(date) AS first_date,
  MAX(date) AS last_date,
  (SELECT COUNT(DISTINCT student_hash) FROM gold.student_daily_activity
    WHERE date BETWEEN @start_date AND @end_date) AS students,
  SAFE_DIVIDE(SUM(active_students), COUNT(*)) AS students_per_day,
  SUM(sessions_count) AS sessions,
  SAFE_DIVIDE(SUM(CAST(ROUND(total_time_spent_seconds * 1000) AS INT64)), 3600000) AS hours,
  (SELECT COALESCE(SUM(visits_count), 0) FROM gold.chapter_engagement
    WHERE date BETWEEN @start_date AND @end_date) AS visits,
  SUM(events_count) AS n
FROM gold.platform_daily
WHERE date BETWEEN @start_date AND @end_date
HAVING COUNT(*) > 0
