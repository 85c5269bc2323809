"""The gross margin rates of the shop, by product category and for the rest, as people state them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput
from backend.store import access, shop
from backend.store import margins as store
from backend.store.pool import Connection
from segments.metrics.margin_rates import WHOLE, MarginRates

MOST = 1000
"""Categories of one version."""

LONGEST = 200
"""Characters of a category's name."""

EARLIEST = date(1990, 1, 1)
AHEAD = timedelta(days=366)
"""From when, and how far after today, a version may begin."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version, and where it comes from."""

    rates: MarginRates
    saved_at: datetime
    saved_by: str


class Margins:
    """Versions of the margin rates.

    Args:
        pool: the database.
        clock: decides which business day is running.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def versions(self) -> tuple[Stored, ...]:
        """Every version, in the order in which they begin: of those that have begun the last one is in force."""
        async with self._pool.acquire() as connection:
            rows = await store.list_versions(connection)
        found = (Stored(store.rates_of(row), row["saved_at"], row["saved_by"]) for row in rows)
        return tuple(sorted(found, key=lambda one: (one.rates.valid_from, one.rates.version)))

    async def in_force(self) -> Stored | None:
        """The version that today's sales go by; None where none has begun."""
        async with self._pool.acquire() as connection:
            today = await self._today(connection)
        return next((one for one in (await self.versions())[::-1] if one.rates.valid_from <= today), None)

    async def add(
        self,
        *,
        default: int | None,
        categories: Mapping[str, int],
        valid_from: date | None = None,
        actor: str,
    ) -> Stored:
        """Add a version. Sales from its first day on go by it, until the day on which a later one begins.

        Args:
            default: basis points of net sales, for every category that is not named; None: not known.
            categories: basis points by the name that order lines carry.
            valid_from: a business day, also of the past; None for today.
            actor: who says so.

        Raises:
            BadInput: a rate is not from 0 to 10,000, a name is empty or too long, there are too many, or the day is out of reach.
        """
        named = _checked(default, categories)
        async with self._pool.acquire() as connection, connection.transaction():
            today = await self._today(connection)
            begins = today if valid_from is None else valid_from
            if not EARLIEST <= begins <= today + AHEAD:
                raise BadInput(
                    f"Rates begin between {EARLIEST} and {today + AHEAD}, not on {begins}.",
                    code="bad_margin_day",
                    field="valid_from",
                )
            return await self._add(
                connection, MarginRates(version=0, valid_from=begins, default=default, categories=named), actor
            )

    async def _add(self, connection: Connection, new: MarginRates, actor: str) -> Stored:
        now = self._clock.now()
        await store.lock_versions(connection)
        number = await store.add_version(connection, new, at=now, by=actor)
        await access.write_audit(
            connection,
            at=now,
            actor=actor,
            action="margin_rates.add",
            target=f"version {number}",
            detail={"default": new.default, "categories": dict(new.categories), "valid_from": str(new.valid_from)},
        )
        return Stored(replace(new, version=number), now, actor)

    async def _today(self, connection: Connection) -> date:
        return (await shop.read_settings(connection)).calendar.business_day(self._clock.now())


def _checked(default: int | None, categories: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    if len(categories) > MOST:
        raise BadInput(f"At most {MOST} categories, not {len(categories)}.", code="bad_margin", field="categories")
    for name, rate in (("the default", default or 0), *categories.items()):
        if not 0 <= rate <= WHOLE:
            raise BadInput(
                f"A margin rate is from 0 to {WHOLE} basis points, not {rate} ({name}).",
                code="bad_margin",
                field="categories",
            )
    if any(not 0 < len(name.strip()) == len(name) <= LONGEST or "\x00" in name for name in categories):
        raise BadInput(
            f"A category's name has 1 to {LONGEST} characters and no blank at its ends.",
            code="bad_margin",
            field="categories",
        )
    return tuple(sorted(categories.items()))
