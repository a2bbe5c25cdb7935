-- check: visits_of_silver | error: Every visit counts on one day.
SELECT
  (SELECT IFNULL(SUM(visits_count), 0) FROM gold.chapter_engagement) AS observed,
  (SELECT COUNT(*) FROM silver.chapter_visits) AS expected;

-- check: time_of_silver | error: The time over days is that of the visits.
SELECT
  (SELECT SUM(total_time_spent_seconds) FROM gold.chapter_engagement) AS observed,
  (SELECT SUM(time_spent_seconds) FROM silver.chapter_visits) AS expected;
