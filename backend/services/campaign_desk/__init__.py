"""Where marketers work on campaigns: draft, check, schedule, stop, look at the result."""
