-- Do students come back in the weeks after they began?
-- One row per week of beginning and week since then, newest cohort first.
--   cohort_week (date): Monday of the week of the first session
--   week_number (integer): weeks since then, from 0
--   retention_rate (double): share of the cohort with a session in that week
--   retained_students (integer): those students
--   n (integer): students of the cohort
-- Caveat: over all history up to @as_of_date; the newest week is not over yet.
SELECT
  cohort_week,
  week_number,
  retention_rate,
  retained_students,
  cohort_students AS n
FROM gold.cohort_retention
WHERE as_of_date = @as_of_date
ORDER BY cohort_week DESC, week_number
