"""People: found by name, number or mail, listed by what the frame knows of them, shown with everything that happened.

The frame says who is where and what is true of whom; names and everything personal come from PostgreSQL, for the
people on the page and nobody else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.lake.older import coupon_facts, fill_in, untold
from backend.lake.tables import Lake
from backend.store import definitions, retention, shop
from backend.store import people as store
from backend.store import segments as segment_store
from backend.store.pool import Connection
from campaigns.person import (
    Belonging,
    Consent,
    ConsentHistory,
    Device,
    PeoplePage,
    PeopleSlice,
    PersonDetail,
    PersonLine,
)
from campaigns.shop import ShopSettings
from campaigns.timeline import Happening, Place, Timeline, ids_named, merged, with_names
from segments.coupons import PersonalCoupon, personal_coupons
from segments.customers import SCHEMA, Frame, View
from segments.membership import members, population
from segments.rules.explain import explain
from segments.rules.parse import parse

MATCHES = 1000
"""How many people a search looks at; more than anyone leafs through."""
LARGEST_PAGE = 200

ORDERS = ("last_seen", "last_order", "orders", "spend", "rank")
"""Columns by which members can be ordered."""

_LISTED = ("customer_id", "rank", "orders", "spend", "last_order", "last_seen", "reachable", "test_account")


class People:
    """Members: the list, one person, the timeline."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, frame: Frame, lake: Lake | None = None) -> None:
        """Without a lake, of events whose day has left the log only the time is shown."""
        self._lake = lake
        self._pool = pool
        self._clock = clock
        self._frame = frame

    async def list(
        self,
        *,
        query: str = "",
        rank: str | None = None,
        segment_id: int | None = None,
        order: str = "last_seen",
        descending: bool = True,
        page: int = 1,
        size: int = 50,
    ) -> PeoplePage:
        """One page of the members who fit, the latest seen first unless another order is asked for.

        Args:
            query: beginning of a member number, a name or a mail address; empty for everyone.
            rank: only members of this rank.
            segment_id: only members of this segment.
            order: one of `ORDERS`; members without a value come last.
            descending: the largest or latest first.
            page: from 1.
            size: members on a page, at most `LARGEST_PAGE`.

        Raises:
            BadInput: a page or size that cannot be, or an order that does not exist.
            NotFound: no such segment.
        """
        if order not in ORDERS:
            raise BadInput(f"Members can be ordered by {', '.join(ORDERS)}.", code="bad_order", field="order")
        if page < 1 or not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"Pages begin at 1 and hold 1 to {LARGEST_PAGE} members.", code="bad_page", field="page")
        view = self._frame.read()
        frame, found = await self._chosen(view, query, rank, segment_id)
        total, rows = await asyncio.to_thread(
            _page, frame, order=order, descending=descending, offset=(page - 1) * size, size=size
        )
        lines = await self._lines(rows, found or {})
        if found is not None and rank is None and segment_id is None:
            total, lines = await self._with_unseen(view.frame, found, total, lines, page=page, size=size)
        cut = found is not None and len(found) >= MATCHES
        return PeoplePage(people=tuple(lines), total=total, page=page, size=size, cut=cut, as_of=view.as_of)

    async def walk(
        self,
        *,
        query: str = "",
        rank: str | None = None,
        segment_id: int | None = None,
        cursor: str | None = None,
        size: int = 50,
    ) -> PeopleSlice:
        """The members who fit from one of them on, the latest seen first: for programs that read them all.

        Args:
            query: as in `list`, like the next two.
            rank: only members of this rank.
            segment_id: only members of this segment.
            cursor: ``next`` of the slice before; None for the first.
            size: members of a slice, at most `LARGEST_PAGE`.

        Raises:
            BadInput: ``cursor`` is not what a slice gave, or the size cannot be.
            NotFound: no such segment.
        """
        if not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"A page holds 1 to {LARGEST_PAGE} members.", code="bad_page", field="size")
        after, view = _read_cursor(cursor), self._frame.read()
        frame, found = await self._chosen(view, query, rank, segment_id)
        total, rows = await asyncio.to_thread(_slice, frame, after, size + 1)
        lines = list(await self._lines(rows, found or {}))
        if found is not None and rank is None and segment_id is None:
            unseen = await self._unseen(view.frame, found)
            total += len(unseen)
            lines += [_line(found[number], customer_id=number) for number in unseen if (date.min, number) < after]
        lines.sort(key=_key, reverse=True)
        following = _key(lines[size - 1]) if len(lines) > size else None
        return PeopleSlice(
            people=tuple(lines[:size]),
            next=None if following is None else f"{following[0].isoformat()}_{following[1]}",
            total=total,
            cut=found is not None and len(found) >= MATCHES,
            as_of=view.as_of,
        )

    async def ranks(self) -> Sequence[str]:
        """Every rank that somebody holds, for a filter."""
        ranks = self._frame.read().frame.select(pl.col("rank").drop_nulls().unique().sort())
        return (await asyncio.to_thread(ranks.collect))["rank"].to_list()

    async def find(self, user_id: str) -> int:
        """The customer whom the shop knows by this member number.

        Raises:
            NotFound: nobody has it.
        """
        async with self._pool.acquire() as connection:
            customer_id = await store.find_by_user_id(connection, user_id=user_id)
        if customer_id is None:
            raise NotFound(f'Nobody has the member number "{user_id}".', code="customer_not_found")
        return customer_id

    async def find_anonymous(self, anonymous_id: str) -> int:
        """The customer to whom an anonymous id of an app belongs.

        Raises:
            NotFound: it was never seen.
        """
        async with self._pool.acquire() as connection:
            customer_id = await store.find_by_anonymous_id(connection, anonymous_id=anonymous_id)
        if customer_id is None:
            raise NotFound(f'Nobody has the anonymous id "{anonymous_id}".', code="customer_not_found")
        return customer_id

    async def devices(self, customer_id: int) -> tuple[Device, ...]:
        """A person's devices, live ones first.

        Raises:
            NotFound: no such customer.
        """
        async with self._pool.acquire() as connection:
            ids = await _everyone_in(connection, await _survivor(connection, customer_id))
            return tuple(await store.list_devices(connection, customer_ids=ids))

    async def consents(self, customer_id: int) -> tuple[Consent, ...]:
        """What stands of a person's consents, one word per purpose and channel.

        Raises:
            NotFound: no such customer.
        """
        async with self._pool.acquire() as connection:
            ids = await _everyone_in(connection, await _survivor(connection, customer_id))
            return _latest(await store.list_consents(connection, customer_ids=ids))

    async def consent_history(self, customer_id: int, *, before: str | None = None, size: int = 50) -> ConsentHistory:
        """One page of all that a person ever said of being written to, the latest word first.

        Args:
            customer_id: the person.
            before: ``next`` of the page before; None for the first.
            size: words on a page, at most `LARGEST_PAGE`.

        Raises:
            NotFound: no such customer.
            BadInput: ``before`` is not what a page gave, or the size cannot be.
        """
        if not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"A page holds 1 to {LARGEST_PAGE} words.", code="bad_page", field="size")
        place = _place(before)
        async with self._pool.acquire() as connection:
            ids = await _everyone_in(connection, await _survivor(connection, customer_id))
            words = await store.list_consent_words(
                connection, customer_ids=ids, moment=place.at, seq=place.seq, limit=size + 1
            )
        following = None
        if len(words) > size:
            last = words[size - 1]
            following = Place(last.said_at, last.seq, 0).written()
        return ConsentHistory(words=tuple(words[:size]), next=following)

    async def detail(self, customer_id: int) -> PersonDetail:
        """Everything known of one person; of the survivor where the account was merged.

        Raises:
            NotFound: no such customer.
        """
        view = self._frame.read()
        async with self._pool.acquire() as connection:
            customer = await _survivor(connection, customer_id)
            settings = await shop.read_settings(connection)
            facts = await self._facts(view.frame, customer["customer_id"])
            return await self._detail(connection, customer, settings, facts, view.as_of)

    async def timeline(self, customer_id: int, *, before: str | None = None, size: int = 50) -> Timeline:
        """One page of a person's events and messages, newest first.

        Args:
            customer_id: the person.
            before: ``next`` of the page before; None for the first.
            size: entries on a page, at most `LARGEST_PAGE`.

        Raises:
            NotFound: no such customer.
            BadInput: ``before`` is not what a page gave, or the size cannot be.
        """
        if not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"A page holds 1 to {LARGEST_PAGE} entries.", code="bad_page", field="size")
        place = _place(before)
        async with self._pool.acquire() as connection:
            ids = await _everyone_in(connection, await _survivor(connection, customer_id))
            events = await store.list_events_before(
                connection, customer_ids=ids, moment=place.at, seq=place.seq, limit=size + 1
            )
            told = await self._told(connection, events, ids)
            deliveries = await store.list_deliveries_before(
                connection, customer_ids=ids, moment=place.at, delivery_id=place.delivery_id, limit=size + 1
            )
            names = {
                "store": await definitions.store_names(connection, store_ids=ids_named(told, "store")),
                "product": await definitions.product_names(connection, product_ids=ids_named(told, "product")),
            }
        return merged(with_names(told, names), deliveries, size=size)

    async def _told(
        self, connection: Connection, events: Sequence[Happening], ids: Sequence[int]
    ) -> Sequence[Happening]:
        """The events of a page, those of dropped days as the lake tells them."""
        if self._lake is None or all(event.name for event in events):
            return [event if event.name else untold(event) for event in events]
        sources = await store.source_names(connection)
        return await fill_in(events, self._lake, customer_ids=ids, sources=sources)

    async def _chosen(
        self, view: View, query: str, rank: str | None, segment_id: int | None
    ) -> tuple[pl.LazyFrame, dict[int, asyncpg.Record] | None]:
        """The rows of those who fit; and who was found where something was searched for."""
        frame = view.frame if segment_id is None else await self._members(view.frame, segment_id)
        frame = frame if rank is None else frame.filter(pl.col("rank") == rank)
        if not query.strip():
            return frame, None
        found = await self._search(query)
        return frame.filter(pl.col("customer_id").is_in(list(found))), found

    async def _unseen(self, frame: pl.LazyFrame, found: Mapping[int, asyncpg.Record]) -> Sequence[int]:
        """Who was found but is not in the frame yet."""
        here = frame.filter(pl.col("customer_id").is_in(list(found))).select("customer_id")
        seen = set((await asyncio.to_thread(here.collect))["customer_id"].to_list())
        return [number for number in found if number not in seen]

    async def _members(self, frame: pl.LazyFrame, segment_id: int) -> pl.LazyFrame:
        async with self._pool.acquire() as connection:
            row = await segment_store.get_segment(connection, segment_id=segment_id)
            settings = await shop.read_settings(connection)
        if row is None:
            raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
        everyone = population(frame, exclude_test_accounts=settings.exclude_test_accounts)
        return members(everyone, parse(row["rule"]))

    async def _search(self, query: str) -> dict[int, asyncpg.Record]:
        async with self._pool.acquire() as connection:
            rows = await store.search_customers(connection, text=query, limit=MATCHES)
        return {row["customer_id"]: row for row in rows}

    async def _lines(self, rows: pl.DataFrame, known: Mapping[int, asyncpg.Record]) -> Sequence[PersonLine]:
        missing = [number for number in rows["customer_id"].to_list() if number not in known]
        async with self._pool.acquire() as connection:
            names = {**known, **await store.names_of(connection, customer_ids=missing)}
        return [_line(names.get(row["customer_id"]), **row) for row in rows.to_dicts()]

    async def _with_unseen(
        self,
        frame: pl.LazyFrame,
        found: Mapping[int, asyncpg.Record],
        total: int,
        lines: Sequence[PersonLine],
        *,
        page: int,
        size: int,
    ) -> tuple[int, Sequence[PersonLine]]:
        """Who was found but is not in the frame yet comes last: a member may be looked up the second he joined."""
        unseen = await self._unseen(frame, found)
        start = max(0, (page - 1) * size - total)
        room = unseen[start : start + size - len(lines)]
        return total + len(unseen), [*lines, *(_line(found[number], customer_id=number) for number in room)]

    async def _facts(self, frame: pl.LazyFrame, customer_id: int) -> dict[str, Any] | None:
        row = await asyncio.to_thread(frame.filter(pl.col("customer_id") == customer_id).collect)
        return row.row(0, named=True) if row.height else None

    async def _detail(
        self,
        connection: Connection,
        customer: asyncpg.Record,
        settings: ShopSettings,
        facts: dict[str, Any] | None,
        as_of: datetime,
    ) -> PersonDetail:
        ids = await _everyone_in(connection, customer)
        return PersonDetail(
            customer_id=customer["customer_id"],
            user_id=customer["user_id"],
            name=customer["display_name"],
            email=customer["email"],
            created_at=customer["created_at"],
            known_to_shop=customer["known_to_shop"],
            test_account=customer["test_account"],
            traits=customer["traits"],
            traits_at=customer["traits_at"],
            identities=tuple(await store.list_identities(connection, customer_ids=ids)),
            devices=tuple(await store.list_devices(connection, customer_ids=ids)),
            consents=_latest(await store.list_consents(connection, customer_ids=ids)),
            coupons=await self._coupons(connection, ids, settings),
            segments=await _belongings(connection, settings, facts),
            facts=None if facts is None else {name: facts[name] for name in SCHEMA},
            as_of=as_of,
        )

    async def _coupons(
        self, connection: Connection, ids: Sequence[int], settings: ShopSettings
    ) -> tuple[PersonalCoupon, ...]:
        horizon = await retention.read_horizon(connection)
        facts = await store.list_coupon_events(connection, customer_ids=ids)
        if self._lake is not None and horizon.upto_seq:
            older = await coupon_facts(self._lake, customer_ids=ids, upto_seq=horizon.upto_seq)
            facts = sorted([*older, *facts], key=lambda fact: fact.at)
        defined = await store.list_coupons(connection, coupon_ids=sorted({fact.coupon_id for fact in facts}))
        today = settings.calendar.business_day(self._clock.now())
        return personal_coupons(facts, defined, today=today)


def _page(frame: pl.LazyFrame, *, order: str, descending: bool, offset: int, size: int) -> tuple[int, pl.DataFrame]:
    """How many rows there are, and those of one page; only the rows up to the page are put in order."""
    keys = [pl.col(order).is_not_null().cast(pl.Int8).alias("valued"), pl.col(order).alias("key")]
    by, ways = ["valued", "key", "customer_id"], [True, descending, True]
    listed = frame.select(*_LISTED, *keys)
    first = listed.top_k(offset + size, by=by, reverse=[not way for way in ways])
    top = first.sort(by, descending=ways, nulls_last=True)
    total, rows = pl.collect_all([frame.select(pl.len()), top.slice(offset, size).drop("valued", "key")])
    return int(total.item()), rows


def _slice(frame: pl.LazyFrame, after: tuple[date, int], size: int) -> tuple[int, pl.DataFrame]:
    """How many rows there are, and the first behind a place, the latest seen first; never seen ones last."""
    day, number = after
    listed = frame.select(*_LISTED, seen=pl.col("last_seen").fill_null(date.min))
    behind = (pl.col("seen") < day) | ((pl.col("seen") == day) & (pl.col("customer_id") < number))
    first = listed.filter(behind).top_k(size, by=["seen", "customer_id"])
    total, rows = pl.collect_all([frame.select(pl.len()), first.drop("seen")])
    return int(total.item()), rows


def _key(line: PersonLine) -> tuple[date, int]:
    return line.last_seen or date.min, line.customer_id


def _read_cursor(cursor: str | None) -> tuple[date, int]:
    if cursor is None:
        return date.max, 0
    try:
        day, number = cursor.split("_")
        place = date.fromisoformat(day), int(number)
    except ValueError as error:
        raise BadInput("This is not the end of a page of customers.", code="bad_page", field="cursor") from error
    if not 0 <= place[1] < 2**63:
        raise BadInput("This is not the end of a page of customers.", code="bad_page", field="cursor")
    return place


def _line(known: asyncpg.Record | None, **row: Any) -> PersonLine:
    return PersonLine(
        **row,
        user_id=known["user_id"] if known else None,
        name=known["display_name"] if known else None,
        email=known["email"] if known else None,
    )


async def _survivor(connection: Connection, customer_id: int) -> asyncpg.Record:
    for _ in range(10):
        row = await store.get_customer(connection, customer_id=customer_id)
        if row is None:
            break
        if row["merged_into"] is None:
            return row
        customer_id = row["merged_into"]
    raise NotFound(f"There is no customer {customer_id}.", code="customer_not_found")


async def _everyone_in(connection: Connection, customer: asyncpg.Record) -> list[int]:
    number: int = customer["customer_id"]
    return [number, *await store.list_absorbed(connection, customer_id=number)]


async def _belongings(
    connection: Connection, settings: ShopSettings, facts: Mapping[str, Any] | None
) -> tuple[Belonging, ...]:
    if facts is None:
        return ()
    excluded = settings.exclude_test_accounts and bool(facts["test_account"])
    rows = await segment_store.list_segments(connection)
    return tuple(_belonging(row, facts, settings.currency, excluded=excluded) for row in rows)


def _belonging(row: asyncpg.Record, facts: Mapping[str, Any], currency: str, *, excluded: bool) -> Belonging:
    rule = parse(row["rule"])
    ja, en = (explain(rule, facts, language, currency=currency) for language in ("ja", "en"))
    return Belonging(segment_id=row["segment_id"], name=row["name"], member=ja.holds and not excluded, ja=ja, en=en)


def _latest(consents: Sequence[Consent]) -> tuple[Consent, ...]:
    """One word per purpose and channel: of merged accounts the latest counts, and it comes first."""
    latest: dict[tuple[str, str], Consent] = {}
    for consent in consents:
        latest.setdefault((consent.purpose, consent.channel), consent)
    return tuple(latest.values())


def _place(before: str | None) -> Place:
    try:
        return Place.read(before)
    except (ValueError, OverflowError) as error:
        raise BadInput("This is not the end of a page of the timeline.", code="bad_page", field="before") from error
