-- Who learns day after day?
-- One row per student with a session so far, longest current streak first.
--   student_hash (text): student
--   streak_days (integer): consecutive days with a session up to @as_of_date; 0 without one on it
--   longest_streak_days (integer): longest so far
--   last_session_date (date): day of the last session
--   n (integer): days with a session
-- Caveat: a day is a date of the reporting time zone; the newest one may not be over yet.
-- Days in a row are as far apart as their places in the list of days: their difference is the same.
WITH days AS (
  SELECT student_hash, UNIX_DATE(date) AS day
  FROM gold.session_daily_stats
  WHERE date <= @as_of_date
),
placed AS (
  SELECT
    student_hash, day, day - ROW_NUMBER() OVER (PARTITION BY student_hash ORDER BY day) AS streak
  FROM days
),
streaks AS (
  SELECT student_hash, streak, COUNT(*) AS length_days, MAX(day) AS last_day
  FROM placed
  GROUP BY student_hash, streak
)
SELECT
  student_hash,
  MAX(IF(last_day = UNIX_DATE(@as_of_date), length_days, 0)) AS streak_days,
  MAX(length_days) AS longest_streak_days,
  DATE_FROM_UNIX_DATE(MAX(last_day)) AS last_session_date,
  SUM(length_days) AS n
FROM streaks
GROUP BY student_hash
ORDER BY streak_days DESC, longest_streak_days DESC, student_hash
