"""Load, decide, save. One verb a file; no service imports another."""
