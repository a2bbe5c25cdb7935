-- check: students_of_silver | error: Every student with a session is in exactly one cohort.
SELECT
  (SELECT IFNULL(SUM(cohort_students), 0) FROM gold.cohort_retention WHERE week_number = 0)
    AS observed,
  (SELECT COUNT(DISTINCT student_hash) FROM silver.sessions WHERE session_date <= @as_of_date)
    AS expected;

-- check: active_weeks_of_silver | error: Every week of a student with a session is retained once.
SELECT
  (SELECT IFNULL(SUM(retained_students), 0) FROM gold.cohort_retention) AS observed,
  (
    SELECT COUNT(*)
    FROM (
      SELECT DISTINCT student_hash, UNIX_DATE(session_date) - MOD(UNIX_DATE(session_date) + 3, 7)
      FROM silver.sessions
      WHERE session_date <= @as_of_date
    ) AS active_weeks
  ) AS expected;

-- check: whole_first_week | error: In its first week a cohort is all there.
SELECT COUNTIF(retained_students != cohort_students) AS observed, 0 AS expected
FROM gold.cohort_retention
WHERE week_number = 0;
