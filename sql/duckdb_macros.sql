-- Functions of GoogleSQL that the models and queries use and that DuckDB does not have.
-- Nothing else differs between the two: what cannot be said in both is not said.
CREATE MACRO safe_divide(numerator, denominator) AS
  CAST(numerator AS DOUBLE) / NULLIF(CAST(denominator AS DOUBLE), 0);

-- Days since 1970-01-01, and back: all arithmetic on dates is done with these.
CREATE MACRO unix_date(a_date) AS CAST(a_date - DATE '1970-01-01' AS BIGINT);
CREATE MACRO date_from_unix_date(days) AS DATE '1970-01-01' + CAST(days AS INTEGER);

-- Milliseconds and microseconds since 1970-01-01 00:00 UTC. Whole milliseconds, rounded down
-- before 1970 too: DuckDB's epoch_ms rounds to the nearest.
CREATE MACRO unix_millis(a_timestamp) AS
  (epoch_us(a_timestamp) - (epoch_us(a_timestamp) % 1000 + 1000) % 1000) // 1000;
CREATE MACRO unix_micros(a_timestamp) AS CAST(epoch_us(a_timestamp) AS BIGINT);

CREATE MACRO logical_or(is_true) AS bool_or(is_true);
CREATE MACRO logical_and(is_true) AS bool_and(is_true);

-- DuckDB's own leaves a text in its quotes; an object or a list is no value.
CREATE OR REPLACE MACRO json_value(document, a_path) AS
  CASE WHEN json_type(document, a_path) NOT IN ('OBJECT', 'ARRAY')
    THEN json_extract_string(document, a_path) END;

CREATE TYPE float64 AS DOUBLE;

-- Nulls come first in ORDER BY, last with DESC, in windows too.
SET default_null_order = 'nulls_first_on_asc_last_on_desc';

-- DuckDB's own gives null, not 0, where there is no row or every condition is null.
CREATE OR REPLACE MACRO countif(is_true) AS COUNT(CASE WHEN is_true THEN 1 END);
