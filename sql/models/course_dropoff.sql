-- A student's last chapter of a course is the one whose last visit began last (of two at the same
-- time the one with the greater id). Who has left is told by `student_course_metrics`.
WITH reached AS (
  SELECT
    student_hash,
    course_id,
    chapter_id,
    ROW_NUMBER() OVER (
      PARTITION BY student_hash, course_id
      ORDER BY last_visited_at DESC, chapter_id DESC
    ) = 1 AS is_last
  FROM gold.chapter_engagement_summary
  WHERE as_of_date = @as_of_date
),
leavers AS (
  SELECT student_hash, course_id
  FROM gold.student_course_metrics
  WHERE
    as_of_date = @as_of_date
    AND NOT is_completed
    AND UNIX_DATE(@as_of_date) - UNIX_DATE(last_activity_date) >= @away_days
),
chapters AS (
  SELECT
    reached.course_id,
    reached.chapter_id,
    COUNT(*) AS students_reached,
    COUNTIF(reached.is_last AND leavers.student_hash IS NOT NULL) AS students_stopped
  FROM reached
  LEFT JOIN leavers
    ON
      leavers.student_hash = reached.student_hash
      AND leavers.course_id IS NOT DISTINCT FROM reached.course_id
  GROUP BY reached.course_id, reached.chapter_id
)
SELECT
  @as_of_date AS as_of_date,
  chapter.course_id,
  chapter.chapter_id,
  dimension.chapter_order,
  chapter.students_reached,
  chapter.students_stopped,
  SAFE_DIVIDE(chapter.students_stopped, chapter.students_reached) AS drop_off_index
FROM chapters AS chapter
LEFT JOIN gold.dim_chapters AS dimension
  ON dimension.course_id = chapter.course_id AND dimension.chapter_id = chapter.chapter_id
