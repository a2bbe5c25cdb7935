-- Which students have been away for 7 days or more?
-- One row per student without a session for @away_days days, shortest away first.
--   student_hash (text): student
--   days_away (integer): days since the last session
--   last_session_date (date): day of the last session
--   sessions_30d (integer): sessions of the last 30 days
--   hours_30d (double): their time
--   quiz_accuracy_30d (double or null): right answers over answers of known result, last 30 days
--   n (integer): days with a session, of the last 30
-- Caveat: as of @as_of_date; a student without any session so far has no row.
SELECT
  student_hash,
  last_login_days_ago AS days_away,
  DATE_FROM_UNIX_DATE(UNIX_DATE(as_of_date) - last_login_days_ago) AS last_session_date,
  sessions_30d,
  SAFE_DIVIDE(time_spent_30d_seconds, 3600) AS hours_30d,
  quiz_accuracy_30d,
  active_days_30d AS n
FROM gold.student_features
WHERE as_of_date = @as_of_date AND last_login_days_ago >= @away_days
ORDER BY days_away, time_spent_30d_seconds DESC, student_hash
