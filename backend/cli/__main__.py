"""``python -m backend.cli``: the `joren` command where the console script is not on the path."""

from backend.cli.main import main

main()
