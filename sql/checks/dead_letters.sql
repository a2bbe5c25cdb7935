-- check: many_dead_letters | warning, at most: At most 2 % of the records cannot be used.
SELECT
  SAFE_DIVIDE(
    (SELECT COUNT(*) FROM ops.dead_letters WHERE NOT is_replayed),
    (SELECT COUNT(*) FROM silver.events) + (SELECT COUNT(*) FROM ops.dead_letters)
  ) AS observed,
  0.02 AS expected;
