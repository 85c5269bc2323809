"""Rows of a statement as a frame: a million come in a second as one text, where records take ten seconds and a gigabyte."""

import asyncio
import io
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from backend.store.binary_copy import PATIENCE
from backend.store.pool import Connection

PIECE = 2**22
"""Bytes of text that are made rows at a time."""


async def read_rows(connection: Connection, statement: str, *values: Any, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The rows of a statement about everybody, which may take its time; columns by their place."""
    text = io.BytesIO()
    await connection.copy_from_query(statement, *values, output=text, format="csv", timeout=PATIENCE)
    if not text.tell():
        return pl.DataFrame(schema=schema)
    text.seek(0)
    return pl.read_csv(text, has_header=False, schema=schema)


async def hand_rows(
    connection: Connection,
    statement: str,
    *values: Any,
    schema: Mapping[str, Any],
    to: Callable[[pl.DataFrame], None],
) -> None:
    """As `read_rows`, some rows after the others, so that memory does not grow with them; no text may break its line.

    ``to`` may block: the server waits for it.
    """
    text = bytearray()

    def hand(end: int) -> None:
        to(pl.read_csv(bytes(text[:end]), has_header=False, schema=schema))
        del text[:end]

    async def more(data: bytes) -> None:
        text.extend(data)
        while len(text) >= PIECE:
            await asyncio.to_thread(hand, text.rindex(b"\n", 0, PIECE) + 1)

    await connection.copy_from_query(statement, *values, output=more, format="csv", timeout=PATIENCE)
    if text:
        await asyncio.to_thread(hand, len(text))
