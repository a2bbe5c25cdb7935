-- check: answers_of_silver | error: Every quiz_answer event is an attempt.
SELECT
  (SELECT COUNT(*) FROM silver.question_attempts) AS observed,
  (SELECT COUNT(*) FROM silver.events WHERE event_type = 'quiz_answer') AS expected;

-- check: unknown_results | warning, at most: At most 20 % of the answers may be right or wrong.
SELECT SAFE_DIVIDE(COUNTIF(is_correct IS NULL), COUNT(*)) AS observed, 0.2 AS expected
FROM silver.question_attempts;
