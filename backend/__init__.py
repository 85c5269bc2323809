"""Effects: makes it happen."""
