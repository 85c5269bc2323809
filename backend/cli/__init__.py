"""The `joren` command."""
