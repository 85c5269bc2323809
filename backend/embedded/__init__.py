"""PostgreSQL from a wheel, for one-command runs."""
