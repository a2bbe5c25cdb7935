-- check: views_of_silver | error: Every view counts on one day.
SELECT
  (SELECT IFNULL(SUM(views_count), 0) FROM gold.video_engagement) AS observed,
  (SELECT COUNT(*) FROM silver.video_views) AS expected;

-- check: time_of_silver | error: The video watched over days is that of the views.
SELECT
  (SELECT SUM(watched_seconds) FROM gold.video_engagement) AS observed,
  (SELECT SUM(watched_seconds) FROM silver.video_views) AS expected;
