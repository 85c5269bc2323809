"""Decisions: what we would send, to whom, when, and what an answer means. Pure."""
