"""Facts that Joren itself observes, written to the log like everyone else's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec

from backend.store import customers, events, queries
from backend.store.pool import Connection
from segments.envelope import Event, event_id_of

_SQL = queries.load("internal")


async def internal_event(
    connection: Connection, name: str, *, customer_id: int, properties: Mapping[str, Any], key: str, at: datetime
) -> bool:
    """Write an event about a customer, in the caller's transaction; false where there is no id to name him by.

    Args:
        connection: inside a transaction.
        name: of the event.
        customer_id: whom it is about.
        properties: JSON values.
        key: makes the event one of its kind: writing the same name and key again stores nothing.
        at: when it happened.
    """
    ids = await customers.ids_of(connection, customer_ids=[customer_id])
    user_id, anonymous_id = ids.get(customer_id, (None, None))
    if user_id is None and anonymous_id is None:
        return False
    source_id = cast("int", await connection.fetchval(_SQL["system_source"]))
    message_id = f"{name} {key}"[:100]
    call = {
        "type": "track",
        "event": name,
        "messageId": message_id,
        **({"userId": user_id} if user_id is not None else {"anonymousId": anonymous_id}),
        "timestamp": at.isoformat(),
        "properties": dict(properties),
    }
    event = Event(
        event_id=event_id_of(source_id, message_id),
        source_id=source_id,
        trusted=True,
        message_id=message_id,
        type="track",
        event=name,
        user_id=user_id,
        anonymous_id=None if user_id is not None else anonymous_id,
        occurred_at=at,
        original_at=at,
        time_rule="internal",
        payload=msgspec.Raw(msgspec.json.encode(call)),
    )
    return (await events.append(connection, [event], received_at=at)).stored == 1
