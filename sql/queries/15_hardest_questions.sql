-- Which questions do students get wrong?
-- One row per quiz and question with an answer of known result, hardest first.
--   quiz (text): quiz, or (no quiz)
--   question (text): question, or (no id)
--   wrong_rate (double): wrong over answers
--   wrong (integer): wrong answers
--   difficulty (double): (wrong + 1) / (answers + 2), which trusts few answers less
--   n (integer): answers whose result is known
WITH questions AS (
  SELECT
    quiz_id,
    question_id,
    SUM(known_count - correct_count) AS wrong,
    SUM(known_count) AS n
  FROM gold.question_attempts_summary
  WHERE date BETWEEN @start_date AND @end_date
  GROUP BY quiz_id, question_id
)
SELECT
  COALESCE(quiz_id, '(no quiz)') AS quiz,
  COALESCE(question_id, '(no id)') AS question,
  SAFE_DIVIDE(wrong, n) AS wrong_rate,
  wrong,
  SAFE_DIVIDE(wrong + 1, n + 2) AS difficulty,
  n
FROM questions
WHERE n > 0
ORDER BY difficulty DESC, n DESC, quiz_id NULLS LAST, question_id NULLS LAST
