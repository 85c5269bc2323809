"""One KPI family a file; every KPI declared in the catalogue."""
