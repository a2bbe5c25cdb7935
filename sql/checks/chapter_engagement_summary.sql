-- check: time_of_the_visits | error: The time of all rows is that of all visits up to the date.
SELECT
  (SELECT SUM(total_time_spent_seconds) FROM gold.chapter_engagement_summary) AS observed,
  (SELECT SUM(time_spent_seconds) FROM silver.chapter_visits WHERE visit_date <= @as_of_date)
    AS expected;

-- check: visits_of_silver | error: Every visit up to the date counts in exactly one row.
SELECT
  (SELECT IFNULL(SUM(visits_count), 0) FROM gold.chapter_engagement_summary) AS observed,
  (SELECT COUNT(*) FROM silver.chapter_visits WHERE visit_date <= @as_of_date) AS expected;

-- check: active_within_time | error: Nobody is active for longer than the visits last.
SELECT COUNTIF(active_seconds > total_time_spent_seconds + 0.001) AS observed, 0 AS expected
FROM gold.chapter_engagement_summary;
