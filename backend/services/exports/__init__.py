"""Exports: tables of what is known, written to files by the worker."""
