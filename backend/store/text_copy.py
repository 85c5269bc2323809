"""Rows of a statement as a frame: a million come in a second as one text, where records take ten seconds and a gigabyte."""

import io
from collections.abc import Mapping
from typing import Any

import polars as pl

from backend.store.binary_copy import PATIENCE
from backend.store.pool import Connection


async def read_rows(connection: Connection, statement: str, *values: Any, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The rows of a statement about everybody, which may take its time; columns by their place."""
    text = io.BytesIO()
    await connection.copy_from_query(statement, *values, output=text, format="csv", timeout=PATIENCE)
    if not text.tell():
        return pl.DataFrame(schema=schema)
    text.seek(0)
    return pl.read_csv(text, has_header=False, schema=schema)
