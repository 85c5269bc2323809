"""The ledger of coupons as pages and programs ask for it: numbers of each coupon, and its pairs with the people's names.

Made of the lake's history whenever that has moved on. The coupon events of everybody are kept in memory meanwhile.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import narwhals as nw
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput
from backend.store import coupons as store
from backend.store import customers, people, shop
from segments.coupon_ledger import COUPON_EVENTS, DEFINITIONS, CouponNumbers, ledger, numbers
from segments.coupons import CouponState, Flag
from segments.customers import StoredFrame
from segments.history import History, under_survivors
from segments.reduce.days import aggregate_days
from segments.reduce.trust import only_verified

LARGEST_PAGE = 500
_STALE = 5.0
"""Seconds for which a state answers although events have come since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One coupon in one person's hands; see `segments.coupon_ledger.ledger`."""

    customer_id: int
    user_id: str | None
    name: str | None
    state: CouponState
    issued_at: datetime | None
    viewed_at: datetime | None
    presented_at: datetime | None
    used_at: datetime | None
    uses: int
    stores: tuple[str, ...]
    ends: date | None
    expired_at: datetime | None
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPage:
    """Some pairs of a coupon, those issued last first, and how many there are of this kind."""

    pairs: tuple[Pair, ...]
    total: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class _State:
    key: Hashable
    facts: pl.DataFrame
    as_of: datetime
    day: date
    loaded: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Everything that one question is answered from; ``day`` is the business day that history reaches into."""

    facts: pl.LazyFrame
    pairs: pl.LazyFrame
    as_of: datetime
    day: date
    today: date


class CouponLedger:
    """What became of coupons."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, lake: History, frame: StoredFrame) -> None:
        self._pool = pool
        self._clock = clock
        self._lake = lake
        self._frame = frame
        self._state: _State | None = None
        self._loading = asyncio.Lock()

    async def numbers(self, coupon_ids: Sequence[str]) -> tuple[tuple[CouponNumbers, ...], datetime]:
        """The numbers of some coupons in their order, and up to when facts are in them."""
        look = await self._look()
        return await asyncio.to_thread(numbers, look.pairs, look.facts, coupon_ids), look.as_of

    async def pairs(
        self, coupon_id: str, *, state: str | None = None, flag: str | None = None, page: int = 1, size: int = 50
    ) -> PairPage:
        """A page of a coupon's pairs.

        Args:
            coupon_id: the coupon.
            state: only pairs of this `CouponState`.
            flag: only pairs with this `Flag`.
            page: from 1.
            size: pairs on a page.

        Raises:
            BadInput: no such state, flag or page.
        """
        _check(state, flag, page, size)
        look = await self._look()
        wanted = look.pairs.filter(pl.col("key") == coupon_id)
        if state is not None:
            wanted = wanted.filter((pl.col("state") == state) & pl.col("issued_at").is_not_null())
        if flag is not None:
            wanted = wanted.filter(pl.col("flags").list.contains(flag))
        rows, total = await asyncio.to_thread(_cut, wanted, page, size)
        async with self._pool.acquire() as connection:
            names = await people.names_of(connection, customer_ids=[row["customer_id"] for row in rows])
        return PairPage(
            pairs=tuple(_pair(row, names) for row in rows if row["customer_id"] in names), total=total, as_of=look.as_of
        )

    async def expiring(self, *, since: date) -> pl.DataFrame | None:
        """Pairs whose validity ended on ``since`` or later, before today, unused and not yet written down as expired.

        Columns ``customer_id``, ``key``, ``ends``; ordered. Of test accounts too: they are left out of numbers, not of
        what happens. None while history does not reach into today yet: who used his coupon late on its last day must be
        known to have done so.
        """
        look = await self._look(fresh=True, everybody=True)
        if look.day < look.today:
            return None
        unused = (pl.col("uses") == 0) & pl.col("issued_at").is_not_null() & pl.col("expired_at").is_null()
        due = look.pairs.filter(unused & pl.col("ends").is_between(since, look.today, closed="left"))
        return await asyncio.to_thread(
            due.select("customer_id", "key", "ends").sort("ends", "key", "customer_id").collect
        )

    async def _look(self, *, fresh: bool = False, everybody: bool = False) -> _Look:
        async with self._loading:
            async with self._pool.acquire() as connection:
                settings = await shop.read_settings(connection)
                rules = await store.list_rules(connection)
                version = await customers.merge_version(connection)
            view = await asyncio.to_thread(self._frame.read)
            key = (view.seq, view.made_at, version)
            if self._state is None or (self._state.key != key and (fresh or self._is_stale())):
                async with self._pool.acquire() as connection:
                    merges = await customers.list_merges(connection)
                facts = await asyncio.to_thread(self._load, merges)
                self._state = _State(key, facts, view.as_of, view.day, time.monotonic())
            state = self._state
        today = settings.calendar.business_day(self._clock.now())
        facts_now = state.facts.lazy()
        if settings.exclude_test_accounts and not everybody:
            tests = view.frame.filter(pl.col("test_account").fill_null(value=False)).select("customer_id")
            facts_now = facts_now.join(tests, on="customer_id", how="anti")
        definitions = pl.LazyFrame(rules, schema=DEFINITIONS, orient="row")
        pairs = await asyncio.to_thread(ledger(facts_now, definitions, today=today).collect)
        return _Look(facts=facts_now, pairs=pairs.lazy(), as_of=state.as_of, day=state.day, today=today)

    def _is_stale(self) -> bool:
        return self._state is None or time.monotonic() - self._state.loaded > _STALE

    def _load(self, merges: Sequence[tuple[int, int]]) -> pl.DataFrame:
        """The coupon events of everybody under their present numbers, a row a day and kind."""
        rows = self._lake.customer_days().filter(pl.col("event").is_in(list(COUPON_EVENTS)))
        whole: pl.LazyFrame = aggregate_days(nw.from_native(under_survivors(rows, merges))).to_native()
        held = whole.collect()
        counted: pl.LazyFrame = only_verified(nw.from_native(held.lazy())).to_native()
        return counted.collect()


def _check(state: str | None, flag: str | None, page: int, size: int) -> None:
    if state is not None and state not in list(CouponState):
        raise BadInput(f"A state is {', '.join(CouponState)}.", code="bad_state", field="state")
    if flag is not None and flag not in list(Flag):
        raise BadInput(f"A flag is {', '.join(Flag)}.", code="bad_flag", field="flag")
    if page < 1 or not 1 <= size <= LARGEST_PAGE:
        raise BadInput(f"A page holds 1 to {LARGEST_PAGE} pairs and is counted from 1.", code="bad_page", field="page")


def _cut(wanted: pl.LazyFrame, page: int, size: int) -> tuple[list[dict[str, Any]], int]:
    """One page of pairs, those issued last first, and how many there are. A coupon can have millions: not on the event loop."""
    ordered = wanted.sort("issued_at", "customer_id", descending=[True, False], nulls_last=True).collect()
    return ordered.slice((page - 1) * size, size).to_dicts(), ordered.height


def _pair(row: Mapping[str, Any], names: Mapping[int, asyncpg.Record]) -> Pair:
    known = names[row["customer_id"]]
    return Pair(
        customer_id=row["customer_id"],
        user_id=known["user_id"],
        name=known["display_name"],
        state=CouponState(row["state"]),
        stores=tuple(row["stores"]),
        flags=tuple(Flag(flag) for flag in row["flags"]),
        **{
            name: row[name]
            for name in ("issued_at", "viewed_at", "presented_at", "used_at", "uses", "ends", "expired_at")
        },
    )
