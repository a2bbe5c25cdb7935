-- check: end_after_start | error: No visit ends before it starts.
SELECT COUNTIF(ended_at < started_at) AS observed, 0 AS expected
FROM silver.chapter_visits;

-- check: missing_scroll_depth | warning, at most: At most 80 % of the visits tell no scroll depth.
SELECT SAFE_DIVIDE(COUNTIF(scroll_depth IS NULL), COUNT(*)) AS observed, 0.8 AS expected
FROM silver.chapter_visits;
