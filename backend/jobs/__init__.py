"""Background work: what runs, and when."""
