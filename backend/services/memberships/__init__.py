"""Who is in which segment, kept true, and since when."""
