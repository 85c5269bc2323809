"""Rows about everybody, read as one text."""

import asyncpg
import polars as pl

from backend.store.text_copy import read_rows


async def test_rows_come_by_their_places_and_may_take_longer_than_a_page_waits(dsn: str) -> None:
    asked, schema = "SELECT n, NULL, pg_sleep(0.3)::text FROM generate_series(1, $1) AS n", {
        "number": pl.Int64(), "nothing": pl.String(), "slept": pl.String(),
    }  # fmt: skip
    connection = await asyncpg.connect(dsn, command_timeout=0.2)
    try:
        assert (await read_rows(connection, asked, 1, schema=schema)).get_column("number").to_list() == [1]
        assert (await read_rows(connection, asked, 0, schema=schema)).schema == schema
    finally:
        await connection.close()
