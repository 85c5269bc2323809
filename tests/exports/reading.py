"""Reads an export again as our own import does."""

from pathlib import Path
from typing import Any

from backend.store.import_files import look, tables
from backend.store.import_tables import Reading


def cells(path: Path, encoding: str | None = None) -> list[dict[str, Any]]:
    """The rows of a file, by column."""
    reading = look(path, Reading(encoding=encoding)).reading
    return [row for table in tables(path, reading) for row in table.frame("line").drop("line").to_dicts()]
