-- check: time_of_the_visits | error: The time over chapters is that of all visits up to the date.
SELECT
  (SELECT SUM(average_time_spent_seconds * total_visits) FROM gold.chapter_analytics) AS observed,
  (SELECT SUM(time_spent_seconds) FROM silver.chapter_visits WHERE visit_date <= @as_of_date)
    AS expected;

-- check: visits_of_silver | error: Every visit up to the date counts in exactly one row.
SELECT
  (SELECT IFNULL(SUM(total_visits), 0) FROM gold.chapter_analytics) AS observed,
  (SELECT COUNT(*) FROM silver.chapter_visits WHERE visit_date <= @as_of_date) AS expected;

-- check: chapters_of_silver | error: Every chapter with a visit has a row, and no other.
SELECT
  (SELECT COUNT(*) FROM gold.chapter_analytics) AS observed,
  (
    SELECT COUNT(*)
    FROM (
      SELECT course_id, chapter_id
      FROM silver.chapter_visits
      WHERE visit_date <= @as_of_date
      GROUP BY course_id, chapter_id
    ) AS visited
  ) AS expected;

-- check: percentiles_in_order | error: p5 <= p25 <= median <= p75 <= p95, but for rounding.
SELECT
  COUNTIF(
    p5_time_spent_seconds > p25_time_spent_seconds + 0.001
    OR p25_time_spent_seconds > median_time_spent_seconds + 0.001
    OR median_time_spent_seconds > p75_time_spent_seconds + 0.001
    OR p75_time_spent_seconds > p95_time_spent_seconds + 0.001
  ) AS observed,
  0 AS expected
FROM gold.chapter_analytics;

-- check: difficulty_of_five | error: A score in 0-1, of five students or more.
SELECT
  COUNTIF(
    difficulty_score IS NOT NULL
    AND (unique_students < 5 OR NOT (difficulty_score >= 0 AND difficulty_score <= 1))
  ) AS observed,
  0 AS expected
FROM gold.chapter_analytics;
