"""Delta tables and the mapped customer frame."""
