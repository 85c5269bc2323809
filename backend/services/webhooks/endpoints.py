"""What a person does with webhooks: register endpoints, rotate secrets, look at the delivery log, send again."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Protocol

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.outbound.signature import new_secret
from backend.services.webhooks.ledger import Delivery, DeliveryDetail, Endpoint, endpoint_of
from backend.store import access
from backend.store import webhooks as store
from backend.store.pool import Connection
from campaigns.notices import CHOICES, Notice, NoticeType

OVERLAP = timedelta(days=2)
"""How long the secret before still signs beside the new one."""
LOOKED_BACK = timedelta(days=7)
LONGEST_DESCRIPTION = 200
LARGEST_PAGE = 200
STATES = ("waiting", "delivered", "dead")


class UrlRules(Protocol):
    """Who knows which addresses may be called; `backend.outbound.client.Caller` does."""

    def check(self, url: str) -> str:
        """The URL itself.

        Raises:
            BadInput: it may not be called.
        """
        ...


class Webhooks:
    """Endpoints and their deliveries. Every change is audited under the name in ``by``.

    Raises throughout: NotFound for an unknown endpoint or delivery, BadInput (with ``field``) for what cannot be taken.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, rules: UrlRules) -> None:
        self._pool = pool
        self._clock = clock
        self._rules = rules

    async def list(self) -> list[Endpoint]:
        """All endpoints, the oldest first."""
        async with self._pool.acquire() as connection:
            rows = await store.list_endpoints(connection, since=self._clock.now() - LOOKED_BACK)
        return [endpoint_of(row) for row in rows]

    async def get(self, endpoint_id: int) -> Endpoint:
        """One endpoint."""
        since = self._clock.now() - LOOKED_BACK
        async with self._pool.acquire() as connection:
            row = await store.get_endpoint(connection, endpoint_id=endpoint_id, since=since)
        if row is None:
            raise _unknown(endpoint_id)
        return endpoint_of(row)

    async def add(self, url: str, *, types: Collection[str], description: str = "", by: str) -> tuple[Endpoint, str]:
        """Register an endpoint; gives it and its secret, which is shown this once."""
        url, chosen, secret = self._rules.check(url.strip()), _checked_types(types), new_secret()
        async with self._pool.acquire() as connection, connection.transaction():
            number = await store.insert_endpoint(
                connection,
                url=url,
                description=_checked_description(description),
                types=chosen,
                secret=secret,
                now=self._clock.now(),
                by=by,
            )
            await self._audit(connection, "add", number, by, {"url": url, "types": chosen})
        return await self.get(number), secret

    async def change(
        self, endpoint_id: int, *, url: str, types: Collection[str], description: str = "", by: str
    ) -> Endpoint:
        """Give an endpoint another address or other types."""
        url, chosen, words = self._rules.check(url.strip()), _checked_types(types), _checked_description(description)
        async with self._pool.acquire() as connection, connection.transaction():
            await _locked(connection, endpoint_id)
            await store.change_endpoint(connection, endpoint_id=endpoint_id, url=url, description=words, types=chosen)
            await self._audit(connection, "change", endpoint_id, by, {"url": url, "types": chosen})
        return await self.get(endpoint_id)

    async def rotate(self, endpoint_id: int, *, by: str) -> str:
        """A new secret, shown this once; the one before signs beside it for `OVERLAP`."""
        secret, until = new_secret(), self._clock.now() + OVERLAP
        async with self._pool.acquire() as connection, connection.transaction():
            await _locked(connection, endpoint_id)
            await store.rotate_secret(connection, endpoint_id=endpoint_id, secret=secret, until=until)
            await self._audit(connection, "rotate", endpoint_id, by, {"previous_until": until.isoformat()})
        return secret

    async def set_disabled(self, endpoint_id: int, *, disabled: bool, by: str) -> None:
        """Send to an endpoint no longer, or again; what waits is kept until its time is over."""
        async with self._pool.acquire() as connection, connection.transaction():
            await _locked(connection, endpoint_id)
            if disabled:
                await store.disable(connection, endpoint_id=endpoint_id, now=self._clock.now(), reason="person")
            else:
                await store.enable(connection, endpoint_id=endpoint_id)
            await self._audit(connection, "disable" if disabled else "enable", endpoint_id, by, {})

    async def remove(self, endpoint_id: int, *, by: str) -> None:
        """Forget an endpoint and everything that was sent to it."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.remove(connection, endpoint_id=endpoint_id):
                raise _unknown(endpoint_id)
            await self._audit(connection, "remove", endpoint_id, by, {})

    async def ping(self, endpoint_id: int, *, by: str) -> int:
        """Send a test message, also to a disabled endpoint; gives the number of its delivery."""
        async with self._pool.acquire() as connection, connection.transaction():
            await _locked(connection, endpoint_id)
            notice = Notice(NoticeType.PING, self._clock.now(), {"endpoint_id": endpoint_id})
            number = (await store.publish(connection, notice, only=endpoint_id))[0]
            await self._audit(connection, "ping", endpoint_id, by, {})
        return number

    async def deliveries(
        self, *, endpoint_id: int | None = None, before: int | None = None, state: str | None = None, limit: int = 50
    ) -> tuple[Delivery, ...]:
        """The delivery log, newest first; ``before`` is the last number of the page before."""
        if not 1 <= limit <= LARGEST_PAGE:
            raise BadInput(f"A page holds 1 to {LARGEST_PAGE} deliveries.", code="bad_page", field="limit")
        if state is not None and state not in STATES:
            raise BadInput(f"A delivery is {', '.join(STATES)}.", code="bad_state", field="state")
        async with self._pool.acquire() as connection:
            rows = await store.list_deliveries(
                connection, endpoint_id=endpoint_id, before=before, state=state, limit=limit
            )
        return tuple(Delivery(**row) for row in rows)

    async def delivery(self, delivery_id: int) -> DeliveryDetail:
        """One delivery with its attempts."""
        async with self._pool.acquire() as connection:
            row = await store.get_delivery(connection, delivery_id=delivery_id)
            tries = await store.list_attempts(connection, delivery_id=delivery_id)
        if row is None:
            raise _no_delivery(delivery_id)
        last = tries[0] if tries else None
        known: dict[str, Any] = {name: value for name, value in row.items() if name != "body"}
        met: dict[str, Any] = {"status": last and last.status, "error": last and last.error}
        met["milliseconds"] = last and last.milliseconds
        return DeliveryDetail(delivery=Delivery(**known, **met), body=row["body"], tries=tuple(tries))

    async def resend(self, delivery_id: int, *, by: str) -> None:
        """Send a message again, whatever became of it; its id stays, so the receiver knows it again."""
        async with self._pool.acquire() as connection, connection.transaction():
            endpoint_id = await store.resend(connection, delivery_id=delivery_id, now=self._clock.now())
            if endpoint_id is None:
                raise _no_delivery(delivery_id)
            await self._audit(connection, "resend", endpoint_id, by, {"delivery_id": delivery_id})

    async def _audit(
        self, connection: Connection, action: str, endpoint_id: int, by: str, detail: dict[str, Any]
    ) -> None:
        await access.write_audit(
            connection,
            at=self._clock.now(),
            actor=by,
            action=f"webhook.{action}",
            target=f"webhook {endpoint_id}",
            detail=detail,
        )


async def _locked(connection: Connection, endpoint_id: int) -> asyncpg.Record:
    row = await store.lock_endpoint(connection, endpoint_id=endpoint_id)
    if row is None:
        raise _unknown(endpoint_id)
    return row


def _unknown(endpoint_id: int) -> NotFound:
    return NotFound(f"There is no webhook {endpoint_id}.", code="webhook_not_found")


def _no_delivery(delivery_id: int) -> NotFound:
    return NotFound(f"There is no delivery {delivery_id}.", code="delivery_not_found")


def _checked_types(types: Collection[str]) -> Sequence[str]:
    unknown = sorted(set(types) - set(CHOICES))
    if unknown or not types:
        wrong = f"There is no type {unknown[0]}" if unknown else "Choose what it is told of"
        raise BadInput(f"{wrong}; there are {', '.join(CHOICES)}.", code="bad_types", field="types")
    return [str(kind) for kind in CHOICES if kind in types]


def _checked_description(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > LONGEST_DESCRIPTION or not (stripped.isprintable() or not stripped):
        raise BadInput(
            f"A description is one line of at most {LONGEST_DESCRIPTION} characters.",
            code="bad_description",
            field="description",
        )
    return stripped
