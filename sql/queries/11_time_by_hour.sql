-- At which hours of the week do students learn?
-- One row per weekday and hour with visit time: the cells of a heat map, most time first.
--   weekday (integer): 1 Monday - 7 Sunday
--   hour (integer): hour of the day (0-23) in the reporting time zone
--   hours (double): visit time within the hour, of all weeks together
--   n (integer): visits that started in the hour
-- Caveat: n can be 0: a visit that began earlier goes on.
SELECT
  MOD(UNIX_DATE(date) + 3, 7) + 1 AS weekday,
  hour,
  SAFE_DIVIDE(SUM(CAST(ROUND(time_spent_seconds * 1000) AS INT64)), 3600000) AS hours,
  SUM(visits_count) AS n
FROM gold.chapter_hourly_activity
WHERE date BETWEEN @start_date AND @end_date
GROUP BY weekday, hour
ORDER BY hours DESC, weekday, hour
