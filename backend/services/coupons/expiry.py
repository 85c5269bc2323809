"""Writes `Coupon Expired` into the log, once for each pair that was not used while it could be.

Done day by day: what ended on a business day is written after it, by bounded transactions. The event of a pair has one
id, so a crash between two of them, or a second worker, repeats nothing; and a pair that history knows as expired is not
looked at again. A few days back are looked at every time, for issues that were reported late.
"""

import hashlib
from datetime import date, timedelta

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.services.coupons.ledger import CouponLedger
from backend.store import coupons as store
from backend.store import deliveries, events, shop
from segments.calendar import BusinessCalendar
from segments.events import EventName

AT_ONCE = 1_000
"""Pairs written in one transaction: readers of the log wait for its end."""

LOOK_BACK = timedelta(days=7)


class CouponExpiry:
    """Announces ends of validity."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, ledger: CouponLedger) -> None:
        self._pool = pool
        self._clock = clock
        self._ledger = ledger
        self._due: tuple[date, pl.DataFrame] | None = None

    async def work(self) -> int:
        """Write some of what is due; gives how much. Nothing where every day that is over is done.

        What ended before the first call ever is not announced: it belongs to a past that was imported.
        """
        async with self._pool.acquire() as connection:
            calendar = (await shop.read_settings(connection)).calendar
            today = calendar.business_day(self._clock.now())
            first, done = await store.expiry_state(connection, today=today)
        yesterday = today - timedelta(days=1)
        if done >= yesterday:
            return 0
        if self._due is None or self._due[0] != today:
            since = max(first, done + timedelta(days=1) - LOOK_BACK)
            due = await self._ledger.expiring(since=since)
            if due is None:
                return 0
            self._due = (today, due)
        return await self._write(yesterday, calendar)

    async def _write(self, yesterday: date, calendar: BusinessCalendar) -> int:
        assert self._due is not None  # noqa: S101 - the caller has just looked
        today, due = self._due
        part = due.head(AT_ONCE)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.lock_expiry(connection):
                return 0  # another worker is at it
            await self._append(connection, part, calendar)
            if due.height <= AT_ONCE:
                await store.expiry_done(connection, day=yesterday)
        self._due = (today, due.slice(AT_ONCE)) if due.height > AT_ONCE else None
        return part.height

    async def _append(self, connection: asyncpg.Connection, part: pl.DataFrame, calendar: BusinessCalendar) -> None:
        source_id = await deliveries.system_source(connection)
        ids = await store.ids_of(connection, customer_ids=part.get_column("customer_id").to_list())
        facts = [
            store.own_event(
                EventName.COUPON_EXPIRED,
                source_id=source_id,
                message_id=_message_id(customer_id, coupon_id),
                ids=ids.get(customer_id, (None, None)),
                at=calendar.start_of(ends + timedelta(days=1)),
                coupon_id=coupon_id,
            )
            for customer_id, coupon_id, ends in part.iter_rows()
        ]
        own = [fact for fact in facts if fact is not None]
        if own:
            await events.append(connection, own, received_at=self._clock.now())


def _message_id(customer_id: int, coupon_id: str) -> str:
    digest = hashlib.blake2b(f"{customer_id}\x1f{coupon_id}".encode("utf-8", "surrogatepass"), digest_size=16)
    return f"coupon-expired-{digest.hexdigest()}"
