-- Enrolments are pairs of student and course with a course_enroll event. The hour of a session is
-- that of its first event, the only place that knows the reporting time zone: several events at
-- that instant have the same hour. The newest scores of the at-risk model count, for all students;
-- only where no score was ever made does the formula in `schemas` stand in.
WITH activity AS (
  SELECT student_hash, MAX(occurred_at) AS last_activity_at, MAX(event_date) AS last_date
  FROM silver.events
  WHERE event_date <= @as_of_date
  GROUP BY student_hash
), enrolment_events AS (
  SELECT
    student_hash, course_id, event_type, occurred_at,
    MIN(IF(event_type = 'course_enroll', occurred_at, NULL))
      OVER (PARTITION BY student_hash, course_id) AS enrolled_at
  FROM silver.events
  WHERE event_date <= @as_of_date
    AND event_type IN ('course_enroll', 'course_unenroll', 'course_complete')
), enrolments AS (
  SELECT
    student_hash,
    course_id,
    MIN(enrolled_at) AS enrolled_at,
    COUNTIF(event_type = 'course_complete') > 0 AS is_completed,
    IFNULL(
      MAX(IF(event_type = 'course_unenroll', occurred_at, NULL))
        > MAX(IF(event_type = 'course_enroll', occurred_at, NULL)),
      FALSE
    ) AS is_left,
    MIN(IF(event_type = 'course_complete' AND occurred_at >= enrolled_at, occurred_at, NULL))
      AS completed_at
  FROM enrolment_events
  WHERE enrolled_at IS NOT NULL
  GROUP BY student_hash, course_id
), enrolled AS (
  SELECT
    student_hash,
    MIN(enrolled_at) AS first_enrollment_at,
    COUNT(*) AS total_enrolments,
    COUNTIF(NOT is_completed AND NOT is_left) AS active_enrolments,
    COUNTIF(is_completed) AS completed_enrolments,
    COUNTIF(is_left AND NOT is_completed) AS dropped_enrolments,
    SAFE_DIVIDE(
      SUM(UNIX_MILLIS(completed_at) - UNIX_MILLIS(enrolled_at)), COUNT(completed_at) * 86400000
    ) AS average_completion_days
  FROM enrolments
  GROUP BY student_hash
), begun_sessions AS (
  SELECT sessions.session_id, sessions.student_hash, MIN(events.event_hour) AS start_hour
  FROM silver.sessions AS sessions
  JOIN silver.events AS events
    ON events.session_id = sessions.session_id
    AND events.event_date = sessions.session_date
    AND events.occurred_at = sessions.session_start
  WHERE sessions.session_date <= @as_of_date AND events.event_date <= @as_of_date
  GROUP BY sessions.session_id, sessions.student_hash
), preferred_hours AS (
  SELECT student_hash, start_hour
  FROM begun_sessions
  GROUP BY student_hash, start_hour
  QUALIFY ROW_NUMBER() OVER (PARTITION BY student_hash ORDER BY COUNT(*) DESC, start_hour) = 1
), active_dates AS (
  SELECT
    student_hash,
    UNIX_DATE(session_date) AS day_number,
    MOD(UNIX_DATE(session_date) + 3, 7) AS days_since_monday,
    COUNT(*) AS sessions_count,
    SUM(CAST(ROUND(session_duration_seconds * 1000) AS INT64)) AS time_ms
  FROM silver.sessions
  WHERE session_date <= @as_of_date
  GROUP BY student_hash, session_date
), preferred_weekdays AS (
  SELECT student_hash, days_since_monday + 1 AS weekday
  FROM active_dates
  GROUP BY student_hash, days_since_monday
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY student_hash ORDER BY SUM(sessions_count) DESC, days_since_monday
  ) = 1
), studied AS (
  SELECT
    student_hash,
    SUM(time_ms) AS time_ms,
    COUNT(*) AS dates_count,
    MIN(day_number - days_since_monday) AS first_monday,
    COUNT(DISTINCT day_number - days_since_monday) AS weeks_count
  FROM active_dates
  GROUP BY student_hash
), answers AS (
  SELECT
    student_hash,
    AVG(score) AS average_score,
    SAFE_DIVIDE(COUNTIF(is_correct), COUNTIF(is_correct IS NOT NULL)) AS accuracy
  FROM silver.question_attempts
  WHERE attempt_date <= @as_of_date
  GROUP BY student_hash
), newest_scores AS (
  SELECT MAX(as_of_date) AS scored_date
  FROM gold.at_risk_scores
  WHERE as_of_date <= @as_of_date
), scores AS (
  SELECT student_hash, MAX(score) AS score
  FROM gold.at_risk_scores
  JOIN newest_scores ON scored_date = as_of_date
  GROUP BY student_hash
), risk_parts AS (
  SELECT
    activity.student_hash,
    UNIX_DATE(@as_of_date) - UNIX_DATE(last_date) AS days_away,
    IF(engagement_trend IS NULL, NULL, LEAST(GREATEST(-engagement_trend, 0), 1)) AS decline,
    1 - quiz_accuracy_30d AS wrong_share
  FROM activity
  LEFT JOIN gold.student_features AS features
    ON features.student_hash = activity.student_hash AND features.as_of_date = @as_of_date
), risks AS (
  SELECT
    student_hash,
    days_away,
    SAFE_DIVIDE(
      0.5 * (1 - POW(0.5, SAFE_DIVIDE(days_away, @away_days)))
        + 0.3 * IFNULL(decline, 0)
        + 0.2 * IFNULL(wrong_share, 0),
      0.5 + IF(decline IS NULL, 0, 0.3) + IF(wrong_share IS NULL, 0, 0.2)
    ) AS risk
  FROM risk_parts
)
SELECT
  @as_of_date AS as_of_date,
  activity.student_hash,
  first_enrollment_at,
  IFNULL(total_enrolments, 0) AS total_enrolments,
  IFNULL(active_enrolments, 0) AS active_enrolments,
  IFNULL(completed_enrolments, 0) AS completed_enrolments,
  IFNULL(dropped_enrolments, 0) AS dropped_enrolments,
  SAFE_DIVIDE(IFNULL(time_ms, 0), 3600000) AS total_hours,
  SAFE_DIVIDE(time_ms, dates_count * 60000) AS average_daily_minutes,
  start_hour AS preferred_hour,
  weekday AS preferred_weekday,
  average_completion_days,
  SAFE_DIVIDE(
    weeks_count * 7,
    UNIX_DATE(@as_of_date) - MOD(UNIX_DATE(@as_of_date) + 3, 7) - first_monday + 7
  ) AS learning_consistency_score,
  average_score AS overall_average_score,
  accuracy AS quiz_accuracy,
  IF(scored_date IS NULL, risk, score) AS at_risk_score,
  last_activity_at,
  days_away AS days_since_active
FROM activity
CROSS JOIN newest_scores
JOIN risks ON risks.student_hash = activity.student_hash
LEFT JOIN enrolled ON enrolled.student_hash = activity.student_hash
LEFT JOIN preferred_hours ON preferred_hours.student_hash = activity.student_hash
LEFT JOIN preferred_weekdays ON preferred_weekdays.student_hash = activity.student_hash
LEFT JOIN studied ON studied.student_hash = activity.student_hash
LEFT JOIN answers ON answers.student_hash = activity.student_hash
LEFT JOIN scores ON scores.student_hash = activity.student_hash
