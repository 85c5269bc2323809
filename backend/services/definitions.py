"""A shop's definitions: coupons with their dates, stores with their names; from code or from files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg

from backend.errors import BadInput
from backend.store import definitions as store
from backend.store import import_files
from backend.store.import_tables import Reading

_LONGEST_ID = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponDefinition:
    """A coupon. Without dates it is valid for ever; ``audience`` is "public" or "issued" (to single members).

    Of ``valid_days`` (after the issue), ``stores`` and ``uses_per_person`` None leaves what was known.
    """

    coupon_id: str
    title_ja: str
    title_en: str
    valid_from: date | None = None
    valid_until: date | None = None
    audience: str = "public"
    valid_days: int | None = None
    stores: tuple[str, ...] | None = None
    uses_per_person: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDefinition:
    """A store."""

    store_id: str
    name_ja: str
    name_en: str
    prefecture: str | None = None


class Definitions:
    """Defines coupons and stores; one that is defined already is changed."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def put_coupons(self, coupons: Sequence[CouponDefinition]) -> int:
        """Define coupons; gives how many."""
        rows = [
            (
                each.coupon_id, {"ja": each.title_ja, "en": each.title_en}, each.valid_from, each.valid_until, each.audience,
                each.valid_days, None if each.stores is None else list(each.stores), each.uses_per_person,
            )
            for each in coupons
        ]  # fmt: skip
        async with self._pool.acquire() as connection, connection.transaction():
            await store.put_coupons(connection, rows)
        return len(rows)

    async def put_stores(self, stores: Sequence[StoreDefinition]) -> int:
        """Name stores; gives how many."""
        rows = [(each.store_id, {"ja": each.name_ja, "en": each.name_en}, each.prefecture) for each in stores]
        async with self._pool.acquire() as connection, connection.transaction():
            await store.put_stores(connection, rows)
        return len(rows)

    async def import_coupons(self, path: Path, *, encoding: str | None = None) -> int:
        """Define the coupons of a file; all of them or, on a fault, none.

        Raises:
            BadInput: naming the row and what would be right.
        """
        return await self.put_coupons([_coupon(number, row) for number, row in _rows(path, encoding)])


def _rows(path: Path, encoding: str | None) -> Iterator[tuple[int, dict[str, str]]]:
    look = import_files.look(path, Reading(encoding=encoding))
    for table in import_files.tables(path, look.reading):
        for reject in table.unread:
            raise BadInput(f"Row {reject.row} of {path.name}: {reject.reason}.", field="file")
        for row in table.frame("").iter_rows(named=True):
            number = row.pop("")
            yield number, {name: str(value).strip() for name, value in row.items() if value not in (None, "")}


def _coupon(number: int, row: dict[str, str]) -> CouponDefinition:
    coupon_id = _required(number, row, "coupon_id")
    title = row.get("title") or coupon_id
    audience = row.get("audience", "public")
    if audience not in ("public", "issued"):
        raise BadInput(f"Row {number}: audience is {audience}, but must be public or issued.", field="audience")
    first, last = _day(number, row, "valid_from"), _day(number, row, "valid_until")
    if first and last and last < first:
        raise BadInput(f"Row {number}: valid_until ({last}) is before valid_from ({first}).", field="valid_until")
    return CouponDefinition(
        coupon_id=coupon_id,
        title_ja=title,
        title_en=row.get("title_en") or title,
        valid_from=first,
        valid_until=last,
        audience=audience,
    )


def _required(number: int, row: dict[str, str], column: str) -> str:
    value = row.get(column, "")
    if not 0 < len(value) <= _LONGEST_ID:
        raise BadInput(f"Row {number} has no {column} of 1 to {_LONGEST_ID} characters.", field=column)
    return value


def _day(number: int, row: dict[str, str], column: str) -> date | None:
    value = row.get(column)
    try:
        return date.fromisoformat(value.replace("/", "-")) if value else None
    except ValueError:
        raise BadInput(f"Row {number}: {column} is {value}, but must be a day like 2026-04-01.", field=column) from None
