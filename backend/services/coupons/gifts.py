"""Coupons that journeys give out: the same events as those of an issue, each once for each time somebody comes by."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.services.coupons.book import lock
from backend.services.coupons.issuing import issuable
from backend.store import coupons as store
from backend.store import deliveries, shop
from backend.store.pool import Connection
from segments.envelope import Event
from segments.events import EventName


async def gifts_of(
    connection: Connection, coupon_id: str, *, people: Sequence[tuple[str, int]], at: datetime, campaign_id: int
) -> Mapping[str, Event | None]:
    """The events by which people get a coupon, to be written into the log by the caller's transaction.

    Args:
        connection: inside a transaction; the coupon stays what it is until that ends.
        coupon_id: which coupon.
        people: each with a key of her own: the same key is never given to twice.
        at: when.
        campaign_id: whose journey gives it.

    Returns:
        The event by key; None for whom no event of ours finds, or who was erased.

    Raises:
        NotFound: no such coupon.
        Conflict: the coupon cannot be issued: archived, over, or for everybody.
    """
    today = (await shop.read_settings(connection)).calendar.business_day(at)
    coupon = issuable(await lock(connection, coupon_id), today)
    until = coupon.draft.until(today)
    source_id = await deliveries.system_source(connection)
    ids = await store.ids_of(connection, customer_ids={who for _, who in people})
    return {
        key: store.own_event(
            EventName.COUPON_ISSUED,
            source_id=source_id,
            message_id=f"coupon-issued-{key}",
            ids=ids.get(who, (None, None)),
            at=at,
            coupon_id=coupon_id,
            valid_until=None if until is None else until.isoformat(),
            campaign_id=campaign_id,
        )
        for key, who in people
    }
