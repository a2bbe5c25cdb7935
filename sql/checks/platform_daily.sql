-- check: events_of_silver | error: Every event counts on one day.
SELECT
  (SELECT IFNULL(SUM(events_count), 0) FROM gold.platform_daily) AS observed,
  (SELECT COUNT(*) FROM silver.events) AS expected;

-- check: time_of_silver | error: The time over days is that of the sessions.
SELECT
  (SELECT SUM(total_time_spent_seconds) FROM gold.platform_daily) AS observed,
  (SELECT SUM(session_duration_seconds) FROM silver.sessions) AS expected;

-- check: missing_days | warning, at most: No day between the first and the last is without events.
SELECT
  UNIX_DATE(MAX(date)) - UNIX_DATE(MIN(date)) + 1 - COUNT(DISTINCT date) AS observed,
  0 AS expected
FROM gold.platform_daily;
