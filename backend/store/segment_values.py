"""Names of what rules ask for by a code: stores, products, coupons, campaigns, other segments."""

from typing import Literal, TypeAlias

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("segment_values")

Noun: TypeAlias = Literal["stores", "products", "categories", "coupons", "campaigns", "segments", "lists"]


async def list_values(connection: Connection, *, noun: Noun, most: int) -> list[asyncpg.Record]:
    """The codes of a noun with their names by language: ``value``, ``label`` (null where the code is the name)."""
    return list(await connection.fetch(_SQL[f"list_{noun}"], most))
