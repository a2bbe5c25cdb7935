"""Is it right, and how fast is it? A simulated school, an independent reference, rivals, runs."""
