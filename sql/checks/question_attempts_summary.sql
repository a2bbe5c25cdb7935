-- check: answers_of_silver | error: Every answer counts on one day.
SELECT
  (SELECT IFNULL(SUM(attempts_count), 0) FROM gold.question_attempts_summary) AS observed,
  (SELECT COUNT(*) FROM silver.question_attempts) AS expected;

-- check: right_of_silver | error: Every right answer counts on one day.
SELECT
  (SELECT IFNULL(SUM(correct_count), 0) FROM gold.question_attempts_summary) AS observed,
  (SELECT COUNTIF(is_correct) FROM silver.question_attempts) AS expected;
