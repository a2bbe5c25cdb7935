-- check: sessions_of_silver | error: Every session counts on one day.
SELECT
  (SELECT IFNULL(SUM(total_sessions), 0) FROM gold.student_daily_activity) AS observed,
  (SELECT COUNT(*) FROM silver.sessions) AS expected;

-- check: pages_of_silver | error: Every page_view and chapter_view event counts on one day.
SELECT
  (SELECT IFNULL(SUM(pages_viewed), 0) FROM gold.student_daily_activity) AS observed,
  (SELECT COUNT(*) FROM silver.events WHERE event_type IN ('page_view', 'chapter_view'))
    AS expected;

-- check: videos_of_silver | error: The video watched over days is that of the views.
SELECT
  (SELECT IFNULL(SUM(videos_watched_seconds), 0) FROM gold.student_daily_activity) AS observed,
  (SELECT IFNULL(SUM(watched_seconds), 0) FROM silver.video_views) AS expected;
