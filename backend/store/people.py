"""People: names, profile, devices, consents, coupons and the events and messages of one person."""

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from campaigns.person import Consent, ConsentWord, Device, Identity
from campaigns.timeline import Happening, event_labels, event_properties
from segments.calendar import BusinessCalendar
from segments.coupons import CouponFact, Definition, last_day

_SQL = queries.load("people")
_LARGEST_INT = 2**31 - 1


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


async def find_by_anonymous_id(connection: Connection, *, anonymous_id: str) -> int | None:
    """The customer to whom an anonymous id belongs."""
    found: int | None = await connection.fetchval(_SQL["find_by_anonymous_id"], anonymous_id)
    return found


async def get_customer(connection: Connection, *, customer_id: int) -> asyncpg.Record | None:
    """One customer's own row."""
    return await connection.fetchrow(_SQL["get_customer"], customer_id)


async def list_absorbed(connection: Connection, *, customer_id: int) -> list[int]:
    """Customers who were merged into this one."""
    return [row["customer_id"] for row in await connection.fetch(_SQL["list_absorbed"], customer_id)]


async def list_identities(connection: Connection, *, customer_ids: Sequence[int]) -> list[Identity]:
    """Every id the person is known by, member numbers first."""
    return [Identity(**row) for row in await connection.fetch(_SQL["list_identities"], customer_ids)]


async def list_devices(connection: Connection, *, customer_ids: Sequence[int]) -> list[Device]:
    """The person's devices without their addresses, live ones first."""
    return [Device(**row) for row in await connection.fetch(_SQL["list_devices"], customer_ids)]


async def list_consents(connection: Connection, *, customer_ids: Sequence[int]) -> list[Consent]:
    """The person's latest word per purpose and channel; of merged accounts each one's, the latest first."""
    return [Consent(**row) for row in await connection.fetch(_SQL["list_consents"], customer_ids)]


async def list_consent_words(
    connection: Connection, *, customer_ids: Sequence[int], moment: datetime, seq: int, limit: int
) -> list[ConsentWord]:
    """What the person said before (moment, seq), the latest first."""
    rows = await connection.fetch(_SQL["list_consent_words"], customer_ids, moment, seq, limit)
    return [ConsentWord(**row) for row in rows]


async def list_coupon_events(
    connection: Connection, *, customer_ids: Sequence[int], calendar: BusinessCalendar
) -> list[CouponFact]:
    """What happened to the person's coupons, oldest first; ``calendar`` says on which day a validity ends."""
    rows = await connection.fetch(_SQL["list_coupon_events"], customer_ids)
    return [
        CouponFact(
            coupon_id=row["coupon_id"],
            event=row["event"],
            at=row["occurred_at"],
            store=row["store_id"],
            valid_until=last_day(row["valid_until"], calendar),
        )
        for row in rows
    ]


async def list_coupons(connection: Connection, *, coupon_ids: Sequence[str]) -> dict[str, Definition]:
    """Definitions of some coupons by id; those nobody defined are absent."""
    rows = await connection.fetch(_SQL["list_coupons"], coupon_ids)
    return {row["coupon_id"]: _definition(row) for row in rows}


async def list_events_before(
    connection: Connection, *, customer_ids: Sequence[int], moment: datetime, seq: int, limit: int
) -> list[Happening]:
    """The person's events older than (moment, seq), newest first; without a name where their day has left the log."""
    return [_event(row) for row in await connection.fetch(_SQL["list_events_before"], customer_ids, moment, seq, limit)]


async def source_names(connection: Connection) -> dict[int, str]:
    """The name of every source."""
    return {row["source_id"]: row["name"] for row in await connection.fetch(_SQL["source_names"])}


async def coupon_names(connection: Connection, *, coupon_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Titles by language of the coupons that are defined."""
    rows = await connection.fetch(_SQL["list_coupons"], [*coupon_ids])
    return {row["coupon_id"]: row["title"] for row in rows}


async def campaign_names(connection: Connection, *, campaign_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Names of campaigns, the same in each language; an id that cannot be one has none."""
    numbers = [int(text) for text in campaign_ids if text.isdecimal() and int(text) <= _LARGEST_INT]
    rows = await connection.fetch(_SQL["campaign_names"], numbers)
    return {str(row["campaign_id"]): {"ja": row["name"], "en": row["name"]} for row in rows}


async def list_deliveries_before(
    connection: Connection, *, customer_ids: Sequence[int], moment: datetime, delivery_id: int, limit: int
) -> list[Happening]:
    """The messages to the person changed before (moment, delivery_id), newest first."""
    rows = await connection.fetch(_SQL["list_deliveries_before"], customer_ids, moment, delivery_id, limit)
    return [_delivery(row) for row in rows]


def _definition(row: asyncpg.Record) -> Definition:
    return Definition(
        coupon_id=row["coupon_id"],
        title=row["title"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        stores=frozenset(row["stores"]),
        uses_per_person=row["uses_per_person"],
        public=row["audience"] == "public",
    )


def _event(row: asyncpg.Record) -> Happening:
    if row["type"] is None:
        return Happening(at=row["occurred_at"], kind="event", number=row["seq"], name="", ja="", en="")
    ja, en = event_labels(row["type"], row["event"])
    return Happening(
        at=row["occurred_at"],
        kind="event",
        number=row["seq"],
        name=row["event"] or row["type"],
        ja=ja,
        en=en,
        trusted=row["trusted"],
        source=row["source"],
        properties=event_properties(row["event"], row["payload"]),
    )


def _delivery(row: asyncpg.Record) -> Happening:
    return Happening(
        at=row["changed_at"],
        kind="delivery",
        number=row["delivery_id"],
        name=row["state"],
        ja=row["campaign"],
        en=row["campaign"],
        campaign_id=row["campaign_id"],
        reason=row["reason"] or row["error_code"],
        step=row["step"] if row["kind"] == "journey" else None,
    )
