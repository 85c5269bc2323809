"""The coupon book, issues of coupons on their way, and what Joren itself writes into the log about coupons."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from backend.store import queries
from backend.store.pool import Connection
from segments.coupon_book import CouponDraft, StoredCoupon
from segments.envelope import Event, event_id_of
from segments.events import EventName

_SQL = queries.load("coupons")


async def insert(connection: Connection, draft: CouponDraft, *, now: datetime, actor: str) -> None:
    """Define a coupon.

    Raises:
        asyncpg.UniqueViolationError: there is one of that id.
    """
    await connection.execute(_SQL["insert_coupon"], *_cells(draft), now, actor)


async def update(connection: Connection, draft: CouponDraft, *, now: datetime, actor: str) -> None:
    """Define a coupon anew."""
    await connection.execute(_SQL["update_coupon"], *_cells(draft), now, actor)


async def set_archived(
    connection: Connection, *, coupon_id: str, archived_at: datetime | None, now: datetime, actor: str
) -> None:
    """Put a coupon away, or take it back."""
    await connection.execute(_SQL["set_archived"], coupon_id, archived_at, now, actor)


async def lock(connection: Connection, *, coupon_id: str) -> StoredCoupon | None:
    """A coupon, held until the transaction ends."""
    row = await connection.fetchrow(_SQL["lock_coupon"], _storable(coupon_id))
    return None if row is None else _stored(row)


async def get(connection: Connection, *, coupon_id: str) -> StoredCoupon | None:
    """A coupon."""
    row = await connection.fetchrow(_SQL["get_coupon"], _storable(coupon_id))
    return None if row is None else _stored(row)


async def list_book(connection: Connection, *, archived: bool) -> list[StoredCoupon]:
    """Every coupon, those that end last first; archived ones, last, only on request."""
    return [_stored(row) for row in await connection.fetch(_SQL["list_book"], archived)]


async def list_ids(connection: Connection) -> list[str]:
    """What events call the coupons, archived ones too."""
    return [row["coupon_id"] for row in await connection.fetch(_SQL["list_ids"])]


async def list_rules(connection: Connection) -> list[tuple[Any, ...]]:
    """Of every coupon the columns of `segments.coupon_ledger.DEFINITIONS`."""
    return [tuple(row) for row in await connection.fetch(_SQL["list_rules"])]


async def unknown_stores(connection: Connection, *, store_ids: Collection[str]) -> list[str]:
    """Of some stores those that the shop did not define; none where it defined no stores at all."""
    return [row[0] for row in await connection.fetch(_SQL["unknown_stores"], list(store_ids))]


async def survivors_of_users(connection: Connection, *, user_ids: Collection[str]) -> dict[str, int]:
    """Customers by member number; numbers that nobody has are absent."""
    rows = await connection.fetch(_SQL["survivors_of_users"], list(user_ids))
    return {row["value"]: row["customer_id"] for row in rows}


async def insert_issue(
    connection: Connection,
    *,
    coupon_id: str,
    target: Mapping[str, Any],
    valid_until: date | None,
    customer_ids: Sequence[int],
    unknown: int,
    now: datetime,
    actor: str,
) -> int:
    """Ask for a coupon to be issued; gives the number of the issue."""
    given = (coupon_id, dict(target), valid_until, len(customer_ids), unknown, now, actor)
    issue_id: int = await connection.fetchval(_SQL["insert_issue"], *given)
    rows = [(issue_id, customer_id) for customer_id in customer_ids]
    await connection.copy_records_to_table("coupon_issue_people", columns=("issue_id", "customer_id"), records=rows)
    return issue_id


async def next_issue(connection: Connection, *, issue_id: int | None = None) -> asyncpg.Record | None:
    """The oldest issue that is not through, or the one named, locked until the transaction ends."""
    return await connection.fetchrow(_SQL["next_issue"], issue_id)


async def take_people(connection: Connection, *, issue_id: int, limit: int) -> list[asyncpg.Record]:
    """Take some of those who wait for an issue: customer_id, user_id, anonymous_id."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["take_people"], issue_id, limit)
    return rows


async def count_issued(connection: Connection, *, issue_id: int, count: int, now: datetime) -> None:
    """Note what a step did."""
    await connection.execute(_SQL["count_issued"], issue_id, count, now)


async def list_issues(connection: Connection, *, coupon_id: str, limit: int) -> list[asyncpg.Record]:
    """Issues of a coupon, the latest first."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_issues"], _storable(coupon_id), limit)
    return rows


async def get_issue(connection: Connection, *, issue_id: int) -> asyncpg.Record | None:
    """One of them."""
    return await connection.fetchrow(_SQL["get_issue"], issue_id)


async def expiry_state(connection: Connection, *, today: date) -> tuple[date, date]:
    """From which day on ends are announced, and up to which they are; begins with ``today`` where nobody ever looked."""
    row = await connection.fetchrow(_SQL["read_expiry"])
    if row is None:
        await connection.execute(_SQL["start_expiry"], today)
        row = await connection.fetchrow(_SQL["read_expiry"])
    assert row is not None  # noqa: S101 - it was just put there
    return row["first_day"], row["done_day"]


async def lock_expiry(connection: Connection) -> bool:
    """Whether this worker may write expiries down, until its transaction ends."""
    return await connection.fetchrow(_SQL["lock_expiry"]) is not None


async def expiry_done(connection: Connection, *, day: date) -> None:
    """Every pair whose validity ended up to ``day`` is written down."""
    await connection.execute(_SQL["expiry_done"], day)


async def ids_of(connection: Connection, *, customer_ids: Collection[int]) -> dict[int, tuple[str | None, str | None]]:
    """Member number and an anonymous id of customers; those erased are absent."""
    rows = await connection.fetch(_SQL["ids_of"], list(customer_ids))
    return {row["customer_id"]: (row["user_id"], row["anonymous_id"]) for row in rows}


def own_event(
    name: EventName,
    *,
    source_id: int,
    message_id: str,
    ids: tuple[str | None, str | None],
    at: datetime,
    coupon_id: str,
    **properties: Any,
) -> Event | None:
    """An event of ours about somebody's coupon; None where no event of ours finds the person.

    Args:
        name: what happened.
        source_id: of Joren itself.
        message_id: the same event has the same.
        ids: member number and anonymous id of the person.
        at: when.
        coupon_id: which coupon.
        properties: what else is to be told.
    """
    user_id, anonymous_id = ids
    if user_id is None and anonymous_id is None:
        return None
    told = {key: value for key, value in properties.items() if value is not None}
    payload = {
        "type": "track",
        "event": str(name),
        "messageId": message_id,
        "userId": user_id,
        "anonymousId": None if user_id else anonymous_id,
        "timestamp": at.isoformat(),
        "properties": {"coupon_id": coupon_id, **told},
    }
    return Event(
        event_id=event_id_of(source_id, message_id),
        source_id=source_id,
        trusted=True,
        message_id=message_id,
        type="track",
        event=str(name),
        user_id=user_id,
        anonymous_id=None if user_id else anonymous_id,
        occurred_at=at,
        original_at=at,
        time_rule="internal",
        payload=msgspec.Raw(msgspec.json.encode(payload)),
    )


def _storable(coupon_id: str) -> str | None:
    """An id that somebody asks for; None, which no coupon has, for one that PostgreSQL cannot even compare."""
    return None if "\x00" in coupon_id else coupon_id


def _cells(draft: CouponDraft) -> tuple[Any, ...]:
    description = {"ja": draft.description_ja, "en": draft.description_en}
    return (
        draft.coupon_id,
        {"ja": draft.title_ja, "en": draft.title_en or draft.title_ja},
        {language: text for language, text in description.items() if text},
        draft.audience,
        draft.valid_from,
        draft.valid_until,
        draft.valid_days,
        list(draft.stores),
        draft.uses_per_person,
    )


def _stored(row: asyncpg.Record) -> StoredCoupon:
    title, description = row["title"], row["description"]
    draft = CouponDraft(
        coupon_id=row["coupon_id"],
        title_ja=(ja := title.get("ja") or row["coupon_id"]),
        title_en=en if (en := title.get("en") or "") != ja else "",
        audience=row["audience"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        valid_days=row["valid_days"],
        stores=tuple(row["stores"]),
        uses_per_person=row["uses_per_person"],
        description_ja=description.get("ja", ""),
        description_en=description.get("en", ""),
    )
    return StoredCoupon(
        draft=draft,
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        archived_at=row["archived_at"],
    )
