"""What a row means: one dataclass per table, one line per column."""
