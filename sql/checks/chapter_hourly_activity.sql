-- check: visits_of_silver | error: Every visit counts in one hour.
SELECT
  (SELECT IFNULL(SUM(visits_count), 0) FROM gold.chapter_hourly_activity) AS observed,
  (SELECT COUNT(*) FROM silver.chapter_visits) AS expected;

-- check: time_of_silver | error: The time over hours is that of the visits.
SELECT
  (SELECT SUM(time_spent_seconds) FROM gold.chapter_hourly_activity) AS observed,
  (SELECT SUM(time_spent_seconds) FROM silver.chapter_visits) AS expected;
