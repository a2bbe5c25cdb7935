-- check: freshness | warning, at most: The newest event is at most 2 days old.
SELECT UNIX_DATE(@today) - UNIX_DATE(MAX(event_date)) AS observed, 2 AS expected
FROM silver.events;

-- check: delayed_events | warning, at most: At most 5 % of the events come more than a day late.
SELECT
  SAFE_DIVIDE(
    COUNTIF(UNIX_MILLIS(received_at) - UNIX_MILLIS(occurred_at) > 86400000),
    COUNT(received_at)
  ) AS observed,
  0.05 AS expected
FROM silver.events;

-- check: missing_course | warning, at most: At most 20 % of the events in a chapter name no course.
SELECT SAFE_DIVIDE(COUNTIF(course_id IS NULL), COUNT(*)) AS observed, 0.2 AS expected
FROM silver.events
WHERE chapter_id IS NOT NULL;

-- check: missing_device_type | warning, at most: At most 20 % of the events tell no device.
SELECT SAFE_DIVIDE(COUNTIF(device_type IS NULL), COUNT(*)) AS observed, 0.2 AS expected
FROM silver.events;

-- check: missing_event_name | warning, at most: At most 5 % of the events have no name.
SELECT SAFE_DIVIDE(COUNTIF(event_name IS NULL), COUNT(*)) AS observed, 0.05 AS expected
FROM silver.events;

-- check: unknown_types | warning, at most: At most 5 % of the events have a type that is not known.
SELECT SAFE_DIVIDE(COUNTIF(event_type = 'other'), COUNT(*)) AS observed, 0.05 AS expected
FROM silver.events;

-- check: id_conflicts | warning, at most: At most 1 % of the events share an id with another one.
SELECT SAFE_DIVIDE(COUNTIF(is_id_conflict), COUNT(*)) AS observed, 0.01 AS expected
FROM silver.events;
