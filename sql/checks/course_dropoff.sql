-- check: students_reached | error: Every student of every chapter counts as having reached it.
SELECT
  (SELECT IFNULL(SUM(students_reached), 0) FROM gold.course_dropoff) AS observed,
  (
    SELECT COUNT(*)
    FROM (
      SELECT student_hash, course_id, chapter_id
      FROM silver.chapter_visits
      WHERE visit_date <= @as_of_date
      GROUP BY student_hash, course_id, chapter_id
    ) AS reached
  ) AS expected;

-- check: stops_once | error, at most: Nobody stops at two chapters of a course.
SELECT
  (SELECT IFNULL(SUM(students_stopped), 0) FROM gold.course_dropoff) AS observed,
  (
    SELECT COUNT(*)
    FROM (
      SELECT student_hash, course_id
      FROM silver.chapter_visits
      WHERE visit_date <= @as_of_date
      GROUP BY student_hash, course_id
    ) AS students
  ) AS expected;

-- check: stopped_reached | error: Who stopped at a chapter reached it.
SELECT COUNTIF(students_stopped > students_reached) AS observed, 0 AS expected
FROM gold.course_dropoff;
