-- How long is a session, by day and device?
-- One row per day and device type with a session, newest day first.
--   date (date): day on which the sessions started
--   device (text): mobile, tablet, desktop or (unknown)
--   average_minutes (double): mean session duration
--   students (integer): distinct students of those sessions
--   n (integer): sessions
-- Caveat: a session of a single event lasts 0 minutes, and counts.
SELECT
  date,
  COALESCE(device_type, '(unknown)') AS device,
  SAFE_DIVIDE(total_time_spent_seconds, sessions_count * 60) AS average_minutes,
  active_students AS students,
  sessions_count AS n
FROM gold.device_daily
WHERE date BETWEEN @start_date AND @end_date
ORDER BY date DESC, device
