"""What a shop defines: its coupons and its stores."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, TypeAlias

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("definitions")


CouponRow: TypeAlias = tuple[
    str, dict[str, str], date | None, date | None, str, int | None, Sequence[str] | None, int | None
]
"""Id, title by language, first and last valid business day, audience, days after issue, stores, uses per person."""


async def put_coupons(connection: Connection, rows: Iterable[CouponRow]) -> None:
    """Define coupons, new or anew; None of the last three leaves what was known."""
    await connection.executemany(_SQL["put_coupon"], rows)


async def put_stores(connection: Connection, rows: Iterable[tuple[str, dict[str, str], str | None]]) -> None:
    """Name stores, new or anew: id, name by language, prefecture."""
    await connection.executemany(_SQL["put_store"], rows)


async def define_stores(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Define stores: id, name, name in English, prefecture; None leaves what was known. Gives how many are new or changed.

    Of two rows of one id the later one counts, cell by cell.
    """
    merged = _by_id(rows)
    return len(await connection.fetch(_SQL["define_stores"], *_columns(merged, 4)))


async def define_products(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Define products: id, name, name in English, category, price in minor units; otherwise as `define_stores`."""
    merged = _by_id(rows)
    return len(await connection.fetch(_SQL["define_products"], *_columns(merged, 5)))


def _by_id(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        before = found.get(row[0], (None,) * len(row))
        found[row[0]] = tuple(old if new is None else new for old, new in zip(before, row, strict=True))
    return list(found.values())


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


async def store_names(connection: Connection, *, store_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Names by language of the stores that are defined."""
    return {row["store_id"]: row["name"] for row in await connection.fetch(_SQL["store_names"], list(store_ids))}


async def product_names(connection: Connection, *, product_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Names by language of the products that are defined."""
    return {row["product_id"]: row["name"] for row in await connection.fetch(_SQL["product_names"], list(product_ids))}


async def product_categories(connection: Connection, *, product_ids: Collection[str]) -> dict[str, str]:
    """Categories of the products that are defined with one."""
    rows = await connection.fetch(_SQL["product_categories"], list(product_ids))
    return {row["product_id"]: row["category"] for row in rows}
