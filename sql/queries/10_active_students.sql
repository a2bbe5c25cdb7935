-- How many students are active per day, week and month, and do they stick?
-- One row per day with an event, newest first.
--   date (date): day
--   dau (integer): students with an event on the day
--   wau (integer): students with an event on the 7 days up to it
--   mau (integer): students with an event on the 30 days up to it
--   stickiness (double): dau over mau; 1 when everyone comes every day
--   sessions (integer): sessions that started on the day
--   hours (double): time of those sessions
--   n (integer): students behind the stickiness, as mau
-- Caveat: on the first 30 days of a warehouse wau and mau count the days there are.
-- A student counts from an active day to the next one, for 7 or 30 days at most: so every student
-- counts once, and adding up the changes of a day gives the distinct students of the window.
WITH active AS (
  SELECT
    UNIX_DATE(date) AS day,
    LEAD(UNIX_DATE(date)) OVER (PARTITION BY student_hash ORDER BY date) AS next_day
  FROM gold.student_daily_activity
  WHERE date BETWEEN DATE_FROM_UNIX_DATE(UNIX_DATE(@start_date) - 29) AND @end_date
),
changes AS (
  SELECT day, 1 AS dau, 1 AS wau, 1 AS mau FROM active
  UNION ALL
  SELECT LEAST(day + 7, COALESCE(next_day, day + 7)), 0, -1, 0 FROM active
  UNION ALL
  SELECT LEAST(day + 30, COALESCE(next_day, day + 30)), 0, 0, -1 FROM active
),
by_day AS (
  SELECT day, SUM(dau) AS dau, SUM(wau) AS wau, SUM(mau) AS mau FROM changes GROUP BY day
),
counted AS (
  SELECT day, dau, SUM(wau) OVER (ORDER BY day) AS wau, SUM(mau) OVER (ORDER BY day) AS mau
  FROM by_day
)
SELECT
  p.date,
  c.dau,
  c.wau,
  c.mau,
  SAFE_DIVIDE(c.dau, c.mau) AS stickiness,
  p.sessions_count AS sessions,
  SAFE_DIVIDE(p.total_time_spent_seconds, 3600) AS hours,
  c.mau AS n
FROM gold.platform_daily AS p
JOIN counted AS c ON c.day = UNIX_DATE(p.date)
WHERE p.date BETWEEN @start_date AND @end_date
ORDER BY p.date DESC
