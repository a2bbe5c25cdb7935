-- check: sessions_of_silver | error: Every session counts on one day.
SELECT
  (SELECT IFNULL(SUM(sessions_count), 0) FROM gold.geo_daily) AS observed,
  (SELECT COUNT(*) FROM silver.sessions) AS expected;

-- check: time_of_silver | error: The time over days is that of the sessions.
SELECT
  (SELECT SUM(total_time_spent_seconds) FROM gold.geo_daily) AS observed,
  (SELECT SUM(session_duration_seconds) FROM silver.sessions) AS expected;
