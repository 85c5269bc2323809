"""What a shop defines: its coupons and its stores."""

from collections.abc import Iterable
from datetime import date

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("definitions")


async def put_coupons(
    connection: Connection, rows: Iterable[tuple[str, dict[str, str], date | None, date | None, str]]
) -> None:
    """Define coupons, new or anew: id, title by language, first and last valid business day, audience."""
    await connection.executemany(_SQL["put_coupon"], rows)


async def put_stores(connection: Connection, rows: Iterable[tuple[str, dict[str, str], str | None]]) -> None:
    """Name stores, new or anew: id, name by language, prefecture."""
    await connection.executemany(_SQL["put_store"], rows)
