"""People: names, profile, devices, consents, coupons and the events and messages of one person."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("people")


async def names_of(connection: Connection, *, customer_ids: Sequence[int]) -> dict[int, asyncpg.Record]:
    """user_id, display_name and email by customer; customers who are gone are absent."""
    rows = await connection.fetch(_SQL["names_of"], customer_ids)
    return {row["customer_id"]: row for row in rows}


async def search_customers(connection: Connection, *, text: str, limit: int) -> list[asyncpg.Record]:
    """Customers whose member number, name or mail address begins with ``text``, whatever its case."""
    lowered = text.strip().lower()
    named = _begins(lowered.replace(" ", "").replace("\u3000", ""))
    return list(await connection.fetch(_SQL["search_customers"], _begins(lowered), named, limit))


def _begins(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


async def find_by_user_id(connection: Connection, *, user_id: str) -> int | None:
    """The customer whom the shop knows by this number."""
    found: int | None = await connection.fetchval(_SQL["find_by_user_id"], user_id)
    return found


async def get_customer(connection: Connection, *, customer_id: int) -> asyncpg.Record | None:
    """One customer's own row."""
    return await connection.fetchrow(_SQL["get_customer"], customer_id)


async def list_absorbed(connection: Connection, *, customer_id: int) -> list[int]:
    """Customers who were merged into this one."""
    return [row["customer_id"] for row in await connection.fetch(_SQL["list_absorbed"], customer_id)]


async def list_identities(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Every id the person is known by, member numbers first."""
    return list(await connection.fetch(_SQL["list_identities"], customer_ids))


async def list_devices(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """The person's devices without their addresses, live ones first."""
    return list(await connection.fetch(_SQL["list_devices"], customer_ids))


async def list_consents(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """The person's latest word per purpose and channel."""
    return list(await connection.fetch(_SQL["list_consents"], customer_ids))


async def list_coupon_events(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """What happened to the person's coupons, oldest first."""
    return list(await connection.fetch(_SQL["list_coupon_events"], customer_ids))


async def list_coupons(connection: Connection, *, coupon_ids: Sequence[str]) -> list[asyncpg.Record]:
    """Definitions of some coupons; those nobody defined are absent."""
    return list(await connection.fetch(_SQL["list_coupons"], coupon_ids))


async def list_events_before(
    connection: Connection, *, customer_ids: Sequence[int], moment: datetime, seq: int, limit: int
) -> list[asyncpg.Record]:
    """The person's events older than (moment, seq), newest first."""
    return list(await connection.fetch(_SQL["list_events_before"], customer_ids, moment, seq, limit))


async def list_deliveries_before(
    connection: Connection, *, customer_ids: Sequence[int], moment: datetime, delivery_id: int, limit: int
) -> list[asyncpg.Record]:
    """The messages to the person changed before (moment, delivery_id), newest first."""
    return list(await connection.fetch(_SQL["list_deliveries_before"], customer_ids, moment, delivery_id, limit))
