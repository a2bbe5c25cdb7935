-- check: records_accounted_for | error: Of a batch run, every record read became exactly one thing.
SELECT
  SUM(records_read) AS observed,
  SUM(events + duplicates + dead_letters + excluded + dropped + out_of_range) AS expected
FROM ops.pipeline_runs
WHERE mode IN ('batch', 'replay') AND status = 'completed';
