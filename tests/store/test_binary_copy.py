"""Rows written in binary are the rows that were given: whatever texts, moments and numbers they hold, however many there are."""

import time
from datetime import UTC, datetime
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.store import binary_copy
from backend.store.binary_copy import Kind, copy_rows

KINDS = {
    "small": Kind.SMALLINT, "number": Kind.INTEGER, "word": Kind.TEXT, "large": Kind.BIGINT, "sure": Kind.BOOLEAN,
    "at": Kind.MOMENT, "said": Kind.JSONB, "last": Kind.TEXT, "many": Kind.INTEGERS, "truths": Kind.BOOLEANS,
}  # fmt: skip
SCHEMA = {
    "small": pl.Int16(), "number": pl.Int32(), "word": pl.String(), "large": pl.Int64(), "sure": pl.Boolean(),
    "at": pl.Datetime("us", "UTC"), "said": pl.String(), "last": pl.Enum(["ja", "en"]),
    "many": pl.List(pl.Int32()), "truths": pl.List(pl.Boolean()),
}  # fmt: skip
MOMENTS = [datetime(1969, 12, 31, 23, 59, 59, 1, UTC), datetime(2000, 1, 1, tzinfo=UTC), datetime(2026, 11, 22, 1, 2, 3, 456789, UTC)]  # fmt: skip
WORDS = [None, "", "渋谷店", 'a "b" \\ \n\t,', "x" * 500]


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "small": n % 7 - 3,
            "number": -(2**31) + n,
            "word": WORDS[n % 5],
            "large": 2**63 - 1 - n,
            "sure": n % 2 == 0,
            "at": MOMENTS[n % 3],
            "said": {"店": n} if n % 4 else {},
            "last": (None, "ja", "en")[n % 3],
            "many": [*range(n % 4)],
            "truths": [at % 2 == 0 for at in range(1 + n % 3)],
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 23])
async def test_rows_arrive_as_they_were_given(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(binary_copy, "_AT_ONCE", 10)
    given = rows(count)
    said = [f'{{"店": {row["said"]["店"]}}}' if row["said"] else "{}" for row in given]
    frame = pl.DataFrame([row | {"said": None} for row in given], schema=SCHEMA).with_columns(pl.Series("said", said, pl.String))  # fmt: skip
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            """CREATE TEMPORARY TABLE copied (truths boolean[], many integer[], last text, said jsonb, at timestamptz, sure boolean, large bigint, word text,
               number integer, small smallint) ON COMMIT DROP"""
        )
        await copy_rows(connection, "copied", frame, kinds=KINDS)
        found = await connection.fetch("SELECT * FROM copied ORDER BY large DESC")
    assert [dict(row) for row in found] == [{name: row[name] for name in reversed(KINDS)} for row in given]


async def test_many_rows_may_take_longer_than_a_page_waits(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, quick = pl.DataFrame({"large": [1]}, schema={"large": pl.Int64()}), binary_copy.encoded

    def slow(rows: pl.DataFrame, kinds: Any) -> bytes:
        time.sleep(0.3)
        return quick(rows, kinds)

    monkeypatch.setattr(binary_copy, "encoded", slow)
    connection = await asyncpg.connect(dsn, command_timeout=0.2)
    try:
        await connection.execute("CREATE TEMPORARY TABLE copied (large bigint)")
        await copy_rows(connection, "copied", frame, kinds=KINDS)
        assert await connection.fetchval("SELECT large FROM copied") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize(("name", "value"), [("large", None), ("said", None), ("many", None), ("many", [1, None])])
async def test_only_texts_may_be_null(pool: asyncpg.Pool, name: str, value: Any) -> None:
    frame = pl.DataFrame({name: [value]}, schema={name: SCHEMA[name]})
    async with pool.acquire() as connection:
        with pytest.raises(ValueError, match=name):
            await copy_rows(connection, "campaign_people", frame, kinds=KINDS)
