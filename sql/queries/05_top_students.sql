-- Which students are the most engaged?
-- One row per student, the 100 most engaged of the range, best first.
--   place (integer): 1 is the most engaged
--   student_hash (text): student
--   engagement_score (double): mean of the daily score (0-100); a day without events counts 0
--   active_hours (double): active time in sessions
--   sessions (integer): sessions that started
--   videos_hours (double): video played
--   quizzes (integer): quizzes attempted, added over days
--   n (integer): days with an event
-- Caveat: over a long range, those who joined late score lower: their days before count 0 too.
WITH students AS (
  SELECT
    student_hash,
    SUM(engagement_score) AS score,
    SUM(CAST(ROUND(active_seconds * 1000) AS INT64)) AS active_ms,
    SUM(total_sessions) AS sessions,
    SUM(videos_watched_seconds) AS videos_seconds,
    SUM(quizzes_attempted) AS quizzes,
    COUNT(*) AS n
  FROM gold.student_daily_activity
  WHERE date BETWEEN @start_date AND @end_date
  GROUP BY student_hash
),
-- Sums of doubles differ in their last digits with the order of adding: these decide no place.
placed AS (
  SELECT
    students.*,
    ROW_NUMBER() OVER (ORDER BY ROUND(score, 6) DESC, active_ms DESC, student_hash) AS place
  FROM students
)
SELECT
  place,
  student_hash,
  SAFE_DIVIDE(score, UNIX_DATE(@end_date) - UNIX_DATE(@start_date) + 1) AS engagement_score,
  SAFE_DIVIDE(active_ms, 3600000) AS active_hours,
  sessions,
  SAFE_DIVIDE(videos_seconds, 3600) AS videos_hours,
  quizzes,
  n
FROM placed
WHERE place <= 100
ORDER BY place
