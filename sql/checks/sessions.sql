-- check: events_of_silver | error: Every event is in exactly one session.
SELECT
  (SELECT IFNULL(SUM(event_count), 0) FROM silver.sessions) AS observed,
  (SELECT COUNT(*) FROM silver.events) AS expected;

-- check: end_after_start | error: No session ends before it starts.
SELECT COUNTIF(session_end < session_start) AS observed, 0 AS expected
FROM silver.sessions;
