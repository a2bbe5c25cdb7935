"""How would a skilled user of another engine make the same tables? See `tables.sql`."""
