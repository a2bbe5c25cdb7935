"""How do tables in BigQuery change? As those of a folder do: whole days, and all or nothing."""
