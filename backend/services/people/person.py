"""People: found by name, number or mail, listed by what the frame knows of them, shown with everything that happened.

The frame says who is where and what is true of whom; names and everything personal come from PostgreSQL, for the
people on the page and nobody else.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.lake.older import coupon_facts, fill_in, untold
from backend.lake.tables import Lake
from backend.services.people.directory import LARGEST_PAGE, Directory
from backend.store import definitions, retention, shop
from backend.store import people as store
from backend.store import segments as segment_store
from backend.store.pool import Connection
from backend.store.rules import resolve_rules
from campaigns.person import Belonging, Consent, ConsentHistory, Device, PersonDetail
from campaigns.shop import ShopSettings
from campaigns.timeline import Happening, Place, Timeline, ids_named, merged, with_names
from segments.coupons import PersonalCoupon, personal_coupons
from segments.customers import SCHEMA, View
from segments.frame import Frame
from segments.raw_members import known_since
from segments.rules.explain import explain
from segments.rules.parse import parse
from segments.rules.rule import Rule
from segments.rules.telling import Names


class People(Directory):
    """Members: the list, one person, the timeline."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, frame: Frame, lake: Lake | None = None) -> None:
        """Without a lake, of events whose day has left the log only the time is shown."""
        super().__init__(pool, clock, frame)
        self._lake = lake

    async def devices(self, customer_id: int) -> tuple[Device, ...]:
        """A person's devices, live ones first.

        Raises:
            NotFound: no such customer.
        """
        async with self._numbers(customer_id) as (connection, ids):
            return tuple(await store.list_devices(connection, customer_ids=ids))

    async def consents(self, customer_id: int) -> tuple[Consent, ...]:
        """What stands of a person's consents, one word per purpose and channel.

        Raises:
            NotFound: no such customer.
        """
        async with self._numbers(customer_id) as (connection, ids):
            return _latest(await store.list_consents(connection, customer_ids=ids))

    async def coupons(self, customer_id: int) -> tuple[PersonalCoupon, ...]:
        """A person's coupons: those held first, then the latest.

        Raises:
            NotFound: no such customer.
        """
        async with self._numbers(customer_id) as (connection, ids):
            return await self._coupons(connection, ids, await shop.read_settings(connection))

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
        place = _place(before, size)
        async with self._numbers(customer_id) as (connection, ids):
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
        async with self._pool.acquire() as connection:
            customer = await _survivor(connection, customer_id)
            settings = await shop.read_settings(connection)
            rows = await segment_store.list_segments(connection)
            rules = await resolve_rules(connection, [(row["segment_id"], parse(row["rule"])) for row in rows])
        view = await self._frame.read_for(rules)
        facts = await self._facts(view.frame, customer["customer_id"])
        segments = _belongings(rows, rules, settings, facts, view)
        async with self._pool.acquire() as connection:
            return await self._detail(connection, customer, settings, facts, view.as_of, segments=segments)

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
        place = _place(before, size)
        async with self._numbers(customer_id) as (connection, ids):
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
                "coupon": await store.coupon_names(connection, coupon_ids=ids_named(told, "coupon")),
                "campaign": await store.campaign_names(connection, campaign_ids=ids_named(told, "campaign")),
            }
        return merged(with_names(told, names), deliveries, size=size)

    @asynccontextmanager
    async def _numbers(self, customer_id: int) -> AsyncIterator[tuple[Connection, list[int]]]:
        """A connection, and every number of a person."""
        async with self._pool.acquire() as connection:
            yield connection, await _everyone_in(connection, await _survivor(connection, customer_id))

    async def _told(
        self, connection: Connection, events: Sequence[Happening], ids: Sequence[int]
    ) -> Sequence[Happening]:
        """The events of a page, those of dropped days as the lake tells them."""
        if self._lake is None or all(event.name for event in events):
            return [event if event.name else untold(event) for event in events]
        sources = await store.source_names(connection)
        return await fill_in(events, self._lake, customer_ids=ids, sources=sources)

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
        *,
        segments: tuple[Belonging, ...],
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
            segments=segments,
            facts=None if facts is None else {name: facts[name] for name in SCHEMA},
            as_of=as_of,
        )

    async def _coupons(
        self, connection: Connection, ids: Sequence[int], settings: ShopSettings
    ) -> tuple[PersonalCoupon, ...]:
        horizon = await retention.read_horizon(connection)
        calendar = settings.calendar
        facts = await store.list_coupon_events(connection, customer_ids=ids, calendar=calendar)
        if self._lake is not None and horizon.upto_seq:
            older = await coupon_facts(self._lake, customer_ids=ids, upto_seq=horizon.upto_seq)
            facts = sorted([*older, *facts], key=lambda fact: fact.at)
        defined = await store.list_coupons(connection, coupon_ids=sorted({fact.coupon_id for fact in facts}))
        today = calendar.business_day(self._clock.now())
        return personal_coupons(facts, defined, today=today, calendar=calendar)


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


def _belongings(
    rows: Sequence[asyncpg.Record],
    rules: Sequence[Rule],
    settings: ShopSettings,
    facts: Mapping[str, Any] | None,
    view: View,
) -> tuple[Belonging, ...]:
    if facts is None:
        return ()
    excluded = settings.exclude_test_accounts and bool(facts["test_account"])
    names = Names(segments={row["segment_id"]: row["name"] for row in rows})
    found = []
    for row, rule in zip(rows, rules, strict=True):
        ja, en = (explain(rule, facts, each, currency=settings.currency, names=names) for each in ("ja", "en"))
        member = ja.holds and not excluded
        since = known_since(rule, view.raw_since, day=view.day)
        number, name = row["segment_id"], row["name"]
        found.append(Belonging(segment_id=number, name=name, member=member, ja=ja, en=en, known_since=since))
    return tuple(found)


def _latest(consents: Sequence[Consent]) -> tuple[Consent, ...]:
    """One word per purpose and channel: of merged accounts the latest counts, and it comes first."""
    latest: dict[tuple[str, str], Consent] = {}
    for consent in consents:
        latest.setdefault((consent.purpose, consent.channel), consent)
    return tuple(latest.values())


def _place(before: str | None, size: int) -> Place:
    """Where a page of so many entries begins."""
    if not 1 <= size <= LARGEST_PAGE:
        raise BadInput(f"A page holds 1 to {LARGEST_PAGE} entries.", code="bad_page", field="size")
    try:
        return Place.read(before)
    except (ValueError, OverflowError) as error:
        raise BadInput("This is not the end of a page of the timeline.", code="bad_page", field="before") from error
