-- Answers of known result to the questions that name a skill. Mastery is the mean of the Beta
-- posterior of the share of right answers after a uniform prior, as questions' difficulty is by
-- day: few answers say little, so they stay near 1/2, and no gap is seen in fewer than 3.
WITH answers AS (
  SELECT
    attempts.student_hash,
    questions.skill_id,
    COUNT(*) AS attempts_count,
    COUNTIF(attempts.is_correct) AS correct_count
  FROM silver.question_attempts AS attempts
  JOIN gold.dim_questions AS questions
    ON questions.quiz_id IS NOT DISTINCT FROM attempts.quiz_id
    AND questions.question_id IS NOT DISTINCT FROM attempts.question_id
  WHERE attempts.attempt_date <= @as_of_date
    AND attempts.is_correct IS NOT NULL
    AND questions.skill_id IS NOT NULL
  GROUP BY attempts.student_hash, questions.skill_id
), estimates AS (
  SELECT
    student_hash, skill_id, attempts_count, correct_count,
    SAFE_DIVIDE(correct_count + 1, attempts_count + 2) AS mastery
  FROM answers
)
SELECT
  @as_of_date AS as_of_date,
  student_hash,
  skill_id,
  attempts_count,
  correct_count,
  SAFE_DIVIDE(correct_count, attempts_count) AS accuracy,
  mastery,
  attempts_count >= 3 AND mastery < @pass_mark AS is_gap
FROM estimates
