"""Outgoing webhooks: the outbox that facts write to, endpoints, deliveries and their log."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from campaigns.notices import Notice

_SQL = queries.load("webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One message to send now to one endpoint. ``secrets_`` are those in force, the newest first."""

    delivery_id: int
    endpoint_id: int
    attempts: int
    message_id: str
    url: str
    secrets_: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt met: a status, or the reason why there is none."""

    delivery_id: int
    attempt: int
    at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    response: str


async def publish(connection: Connection, notice: Notice, *, only: int | None = None) -> list[int]:
    """Put a notice into the outbox, inside the transaction of what it tells of; gives the numbers of the deliveries.

    Args:
        connection: the caller's, inside a transaction.
        notice: what happened.
        only: to this endpoint and no other.
    """
    message_id = f"msg_{secrets.token_hex(16)}"
    rows = await connection.fetch(_SQL["publish"], message_id, str(notice.type), notice.at, notice.body(), only)
    return [row["delivery_id"] for row in rows]


async def is_wanted(connection: Connection, kind: str) -> bool:
    """Whether anybody asked for this type: spares publishing many that nobody wants, one by one."""
    return bool(await connection.fetchval(_SQL["is_wanted"], kind))


async def insert_endpoint(
    connection: Connection, *, url: str, description: str, types: Sequence[str], secret: str, now: datetime, by: str
) -> int:
    """Keep a new endpoint; gives its number."""
    number: int = await connection.fetchval(_SQL["insert_endpoint"], url, description, types, secret, now, by)
    return number


async def list_endpoints(connection: Connection, *, since: datetime) -> list[asyncpg.Record]:
    """All endpoints without their secrets; ``dead`` counts deliveries that died since a moment."""
    return list(await connection.fetch(_SQL["list_endpoints"], None, since))


async def get_endpoint(connection: Connection, *, endpoint_id: int, since: datetime) -> asyncpg.Record | None:
    """One endpoint as in the list."""
    return await connection.fetchrow(_SQL["list_endpoints"], endpoint_id, since)


async def lock_endpoint(connection: Connection, *, endpoint_id: int) -> asyncpg.Record | None:
    """Hold one endpoint until the transaction ends; with its secrets."""
    return await connection.fetchrow(_SQL["lock_endpoint"], endpoint_id)


async def change_endpoint(
    connection: Connection, *, endpoint_id: int, url: str, description: str, types: Sequence[str]
) -> None:
    """Give an endpoint another address or other types."""
    await connection.execute(_SQL["change_endpoint"], endpoint_id, url, description, types)


async def rotate_secret(connection: Connection, *, endpoint_id: int, secret: str, until: datetime) -> None:
    """Sign with a new secret, and beside it with the one before until a moment."""
    await connection.execute(_SQL["rotate_secret"], endpoint_id, secret, until)


async def enable(connection: Connection, *, endpoint_id: int) -> None:
    """Send to an endpoint again."""
    await connection.execute(_SQL["enable_endpoint"], endpoint_id)


async def disable(connection: Connection, *, endpoint_id: int, now: datetime, reason: str) -> bool:
    """Send to an endpoint no longer; False where it was disabled already."""
    return await connection.fetchval(_SQL["disable_endpoint"], endpoint_id, now, reason) is not None


async def remove(connection: Connection, *, endpoint_id: int) -> bool:
    """Forget an endpoint with everything that was sent to it; False where there is none."""
    return await connection.fetchval(_SQL["remove_endpoint"], endpoint_id) is not None


async def note_success(connection: Connection, *, endpoint_id: int) -> None:
    """An endpoint has taken something."""
    await connection.execute(_SQL["note_success"], endpoint_id)


async def note_failure(connection: Connection, *, endpoint_id: int, now: datetime) -> datetime:
    """An endpoint has not taken something; gives since when that is so."""
    since: datetime | None = await connection.fetchval(_SQL["note_failure"], endpoint_id, now)
    return since or now


async def claim(
    connection: Connection, *, attempt_id: UUID, now: datetime, leased_until: datetime, each: int
) -> list[Claimed]:
    """Take what is due, up to so many of each endpoint, and count the attempt."""
    rows = await connection.fetch(_SQL["claim"], attempt_id, now, leased_until, each)
    return [_claimed(row) for row in rows]


def _claimed(row: asyncpg.Record) -> Claimed:
    both = (row["secret"], row["previous_secret"])
    return Claimed(
        delivery_id=row["delivery_id"],
        endpoint_id=row["endpoint_id"],
        attempts=row["attempts"],
        message_id=row["message_id"],
        url=row["url"],
        secrets_=tuple(secret for secret in both if secret is not None),
        body=row["body"],
    )


async def log_attempt(connection: Connection, attempt: Attempt) -> None:
    """Keep what an attempt met."""
    await connection.execute(
        _SQL["log_attempt"],
        attempt.delivery_id,
        attempt.attempt,
        attempt.at,
        attempt.milliseconds,
        attempt.status,
        attempt.error,
        attempt.response,
    )


async def settle(
    connection: Connection, *, delivery_id: int, attempt_id: UUID, state: str, next_at: datetime | None, now: datetime
) -> bool:
    """Say what became of a delivery; False when this attempt no longer holds it."""
    return await connection.fetchval(_SQL["settle"], delivery_id, attempt_id, state, next_at, now) is not None


async def resend(connection: Connection, *, delivery_id: int, now: datetime) -> int | None:
    """Send a delivery again; gives its endpoint, None where there is no such delivery."""
    row = await connection.fetchrow(_SQL["resend"], delivery_id, now)
    return None if row is None else int(row["endpoint_id"])


async def list_deliveries(
    connection: Connection, *, endpoint_id: int | None, before: int | None, state: str | None, limit: int
) -> list[asyncpg.Record]:
    """The delivery log, newest first, with what the last attempt met."""
    return list(await connection.fetch(_SQL["list_deliveries"], endpoint_id, before, state, limit))


async def get_delivery(connection: Connection, *, delivery_id: int) -> asyncpg.Record | None:
    """One delivery with the body that is sent."""
    return await connection.fetchrow(_SQL["get_delivery"], delivery_id)


async def list_attempts(connection: Connection, *, delivery_id: int) -> list[Attempt]:
    """The attempts of a delivery, the last one first."""
    rows = await connection.fetch(_SQL["list_attempts"], delivery_id)
    return [Attempt(delivery_id=delivery_id, **row) for row in rows]


async def prune(connection: Connection, *, sent_before: datetime, waiting_before: datetime, now: datetime) -> None:
    """Forget old messages with their deliveries, bury what waits in vain, drop secrets that are over."""
    await connection.execute(_SQL["bury_old"], waiting_before, now)
    await connection.execute(_SQL["prune_messages"], sent_before)
    await connection.execute(_SQL["forget_previous_secrets"], now)


async def lock_alarm(connection: Connection) -> asyncpg.Record | None:
    """How far the watch over failed events has looked (seen_upto) and when it last rang; None while another looks."""
    await connection.execute(_SQL["begin_alarm"])
    return await connection.fetchrow(_SQL["lock_alarm"])


async def count_new_failures(connection: Connection, *, after: int) -> tuple[dict[str, int], int]:
    """Failed events above a number by their code, and the highest number among them."""
    rows = await connection.fetch(_SQL["count_new_failures"], after)
    return {row["code"]: row["failed"] for row in rows}, max((row["newest"] for row in rows), default=after)


async def ring_alarm(connection: Connection, *, upto: int, now: datetime) -> None:
    """Note that it rang for the failed events up to a number."""
    await connection.execute(_SQL["ring_alarm"], upto, now)
