"""Writes down that an address is gone: the device is retired, and the log of events gets a fact of our own.

The fact tells the lake that the app is no longer installed there (see KPI "installed"); it names the device by
the key under which the lake knows it.
"""

from datetime import datetime

import asyncpg
import msgspec

from backend.store import deliveries, events
from backend.store.pool import Connection
from segments.envelope import Event, event_id_of
from segments.events import EventName


async def retire(
    connection: Connection, *, device_id: int, address: str, delivery_id: int, campaign_id: int, now: datetime
) -> bool:
    """Retire one device inside the caller's transaction; False when its address is another one by now."""
    device = await deliveries.retire_device(connection, device_id=device_id, address=address, now=now)
    if device is None:
        return False
    source_id = await deliveries.system_source(connection)
    fact = _fact(device, source_id=source_id, delivery_id=delivery_id, campaign_id=campaign_id, now=now)
    if fact is not None:
        await events.append(connection, [fact], received_at=now)
    return True


def _fact(device: asyncpg.Record, *, source_id: int, delivery_id: int, campaign_id: int, now: datetime) -> Event | None:
    user_id, anonymous_id = device["user_id"], device["anonymous_id"] or device["born_anonymous_id"]
    if user_id is None and anonymous_id is None:
        return None
    message_id = f"retired-{device['device_id']}-{delivery_id}"
    payload = {
        "type": "track",
        "event": str(EventName.ADDRESS_RETIRED),
        "messageId": message_id,
        "userId": user_id,
        "anonymousId": anonymous_id,
        "timestamp": now.isoformat(),
        "properties": {
            "reason": "unregistered",
            "campaign_id": campaign_id,
            "delivery_id": delivery_id,
            "device_source_id": device["source_id"],
            "device_anonymous_id": device["anonymous_id"],
            "device_key": device["device_key"],
        },
    }
    return Event(
        event_id=event_id_of(source_id, message_id),
        source_id=source_id,
        trusted=True,
        message_id=message_id,
        type="track",
        event=str(EventName.ADDRESS_RETIRED),
        user_id=user_id,
        anonymous_id=None if user_id else anonymous_id,
        occurred_at=now,
        original_at=now,
        time_rule="internal",
        payload=msgspec.Raw(msgspec.json.encode(payload)),
    )
