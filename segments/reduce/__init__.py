"""History to one row per customer, in Narwhals: the only part whose cost grows with history."""
