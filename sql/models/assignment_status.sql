-- The first start and the last submission. Once submitted, an assignment stays so, whatever is
-- started again later; one that was submitted without a start has no started_at.
WITH timed AS (
  SELECT
    student_hash,
    course_id,
    assignment_id,
    MIN(IF(event_type = 'assignment_start', occurred_at, NULL)) AS started_at,
    MAX(IF(event_type = 'assignment_submit', occurred_at, NULL)) AS submitted_at
  FROM silver.events
  WHERE event_date <= @as_of_date
    AND event_type IN ('assignment_start', 'assignment_submit')
    AND assignment_id IS NOT NULL
  GROUP BY student_hash, course_id, assignment_id
)
SELECT
  @as_of_date AS as_of_date,
  student_hash,
  course_id,
  assignment_id,
  started_at,
  submitted_at,
  IF(submitted_at IS NULL, 'started', 'submitted') AS status
FROM timed
