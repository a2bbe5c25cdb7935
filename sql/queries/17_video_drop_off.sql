-- Where do viewers leave a video?
-- One row per course and video with a view, those left earliest first.
--   course (text): title, else id
--   video_id (text): video
--   n (integer): views of known length, behind the shares reached
--   reached_25 (double or null): share of the views that got to a quarter of the video
--   reached_50 (double or null): ... to the half
--   reached_75 (double or null): ... to three quarters
--   reached_100 (double or null): ... to the end
--   watch_ratio (double or null): mean share of the video that was played
--   completion_rate (double): completed over all views
--   views (integer): views: a session and a video
--   course_id (text or null): course
-- Caveat: a jump ahead reaches a place without playing what lies before: compare watch_ratio.
WITH videos AS (
  SELECT
    course_id,
    video_id,
    COUNT(*) AS views,
    COUNTIF(is_completed) AS completed,
    COUNT(video_duration_seconds) AS n,
    COUNTIF(furthest_position_seconds * 20 >= 5 * video_duration_seconds) AS to_25,
    COUNTIF(furthest_position_seconds * 20 >= 10 * video_duration_seconds) AS to_50,
    COUNTIF(furthest_position_seconds * 20 >= 15 * video_duration_seconds) AS to_75,
    COUNTIF(furthest_position_seconds * 20 >= 20 * video_duration_seconds) AS to_100,
    AVG(watch_ratio) AS watch_ratio
  FROM silver.video_views
  WHERE view_date BETWEEN @start_date AND @end_date
  GROUP BY course_id, video_id
)
SELECT
  COALESCE(c.course_title, v.course_id, '(no course)') AS course,
  v.video_id,
  v.n,
  SAFE_DIVIDE(v.to_25, v.n) AS reached_25,
  SAFE_DIVIDE(v.to_50, v.n) AS reached_50,
  SAFE_DIVIDE(v.to_75, v.n) AS reached_75,
  SAFE_DIVIDE(v.to_100, v.n) AS reached_100,
  v.watch_ratio,
  SAFE_DIVIDE(v.completed, v.views) AS completion_rate,
  v.views,
  v.course_id
FROM videos AS v
LEFT JOIN gold.dim_courses AS c ON c.course_id = v.course_id
ORDER BY reached_50 NULLS LAST, v.n DESC, v.course_id NULLS LAST, v.video_id
