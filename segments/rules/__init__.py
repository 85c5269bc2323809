"""The segment rule: one tree, several interpreters (parse, compile, describe, explain)."""
