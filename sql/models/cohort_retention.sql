-- Every cohort has a row for each week up to that of the date of reckoning, also where nobody came
-- back; the last week may not be over. Week numbers are counted out of digits (no list functions):
-- up to 9,999 weeks after a cohort's own.
WITH active_weeks AS (
  SELECT DISTINCT
    student_hash, UNIX_DATE(session_date) - MOD(UNIX_DATE(session_date) + 3, 7) AS monday
  FROM silver.sessions
  WHERE session_date <= @as_of_date
), begun AS (
  SELECT student_hash, MIN(monday) AS first_monday
  FROM active_weeks
  GROUP BY student_hash
), cohorts AS (
  SELECT first_monday, COUNT(*) AS cohort_students
  FROM begun
  GROUP BY first_monday
), returned AS (
  SELECT begun.first_monday, active_weeks.monday, COUNT(*) AS retained_students
  FROM begun
  JOIN active_weeks ON active_weeks.student_hash = begun.student_hash
  GROUP BY begun.first_monday, active_weeks.monday
), digits AS (
  SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
), weeks AS (
  SELECT
    CAST(1000 * d3.digit + 100 * d2.digit + 10 * d1.digit + d0.digit AS INT64) AS week_number
  FROM digits AS d3 CROSS JOIN digits AS d2 CROSS JOIN digits AS d1 CROSS JOIN digits AS d0
), cohort_weeks AS (
  SELECT first_monday, week_number, first_monday + 7 * week_number AS monday, cohort_students
  FROM cohorts
  JOIN weeks ON first_monday + 7 * week_number <= UNIX_DATE(@as_of_date)
)
SELECT
  @as_of_date AS as_of_date,
  DATE_FROM_UNIX_DATE(cohort_weeks.first_monday) AS cohort_week,
  week_number,
  cohort_students,
  IFNULL(retained_students, 0) AS retained_students,
  SAFE_DIVIDE(IFNULL(retained_students, 0), cohort_students) AS retention_rate
FROM cohort_weeks
LEFT JOIN returned
  ON returned.first_monday = cohort_weeks.first_monday AND returned.monday = cohort_weeks.monday
