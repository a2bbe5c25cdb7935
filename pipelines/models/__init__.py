"""How are range tables made? SQL models and checks, run in DuckDB or in BigQuery."""
