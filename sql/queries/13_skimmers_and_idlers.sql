-- Who skims chapters, and who leaves them open without reading?
-- One row per student with a skimmed or idle visit, highest share of both together first.
--   student_hash (text): student
--   skim_rate (double): share of the visits that scrolled far in too little time
--   idle_rate (double): share of the visits open much longer than active
--   skims (integer): skimmed visits
--   idles (integer): idle visits
--   n (integer): visits
-- Caveat: visits without a scroll depth are no skims; see n before judging anyone.
WITH students AS (
  SELECT student_hash, COUNTIF(is_skim) AS skims, COUNTIF(is_idle) AS idles, COUNT(*) AS n
  FROM silver.chapter_visits
  WHERE visit_date BETWEEN @start_date AND @end_date
  GROUP BY student_hash
)
SELECT
  student_hash,
  SAFE_DIVIDE(skims, n) AS skim_rate,
  SAFE_DIVIDE(idles, n) AS idle_rate,
  skims,
  idles,
  n
FROM students
WHERE skims + idles > 0
ORDER BY SAFE_DIVIDE(skims + idles, n) DESC, n DESC, student_hash
