"""Where do rows go? Parquet files of Delta tables, swapped in by one commit per table."""
