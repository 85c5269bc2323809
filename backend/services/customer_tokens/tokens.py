"""What each source asks of customer tokens: its mode and keys for people, a check of each request for the intake."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.services.customer_tokens.public_keys import PublicKey, read_public_key
from backend.services.customer_tokens.ring import KeyRing, RequestReader, RingKey
from backend.services.customer_tokens.state import TokenKey, TokenState, days_of
from backend.store import access
from backend.store import customer_tokens as store
from backend.store.outages import OUTAGES
from backend.store.pool import Connection, briefly
from segments.tokens import TokenCheck, TokenMode

MOST_KEYS = 20
"""Keys of one source that are in force at a time."""
REPORTED_DAYS = 14


@dataclass(slots=True)
class _Remembered:
    until: datetime
    mode: TokenMode = TokenMode.OFF
    ring: KeyRing = field(default_factory=lambda: KeyRing(audience="", keys=()))


class CustomerTokens:
    """Customer tokens of every source.

    What a source asks is remembered for ``remember``; so long a retired key may still count.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, remember: timedelta = timedelta(seconds=2)) -> None:
        self._pool = pool
        self._clock = clock
        self._remember = remember
        self._known: dict[int, _Remembered] = {}

    async def check_for(self, source_id: int, *, shared: object = None) -> TokenCheck | None:
        """The check of one request's events; None where the source asks for nothing.

        Args:
            source_id: a source whose key is public.
            shared: the token of the whole request.

        Raises:
            Unavailable: the database does not answer.
        """
        known, now = self._known.get(source_id), self._clock.now()
        if known is None or known.until <= now:
            known = await self._load(source_id, known, now)
        if known.mode is TokenMode.OFF:
            return None
        return TokenCheck(mode=known.mode, read=RequestReader(known.ring), shared=shared)

    async def state(self, source_id: int) -> TokenState:
        """Mode, keys and counts of a source.

        Raises:
            NotFound: there is no such source.
        """
        since = self._clock.now().date() - timedelta(days=REPORTED_DAYS - 1)
        async with self._pool.acquire() as connection, connection.transaction():
            source = _found(await store.read_mode(connection, source_id=source_id))
            keys = await store.list_keys(connection, source_id=source_id)
            counts = await store.count_by_day(connection, source_id=source_id, since=since)
        return TokenState(
            source=source["name"],
            mode=TokenMode(source["token_mode"]),
            keys=tuple(TokenKey(**dict(key)) for key in keys),
            days=days_of(counts),
        )

    async def set_mode(self, source_id: int, *, mode: str, actor: str = "command line") -> None:
        """Choose what a source asks of events that name a customer; running servers follow within seconds.

        Raises:
            BadInput: no such mode, or the source's key is a secret and needs no tokens.
            Conflict: to be enforced without a key in force.
            NotFound: there is no such source.
        """
        if mode not in list(TokenMode):
            raise BadInput(f"The modes are {', '.join(TokenMode)}.", code="bad_mode", field="mode")
        async with self._pool.acquire() as connection, connection.transaction():
            source = await _app_source(connection, source_id)
            if mode == TokenMode.ENFORCE and not await store.count_active(connection, source_id=source_id):
                raise Conflict(
                    "Without a public key every event that names a customer would fail: add a key first.",
                    code="no_token_key",
                    field="mode",
                )
            if mode != source["token_mode"]:
                await store.set_mode(connection, source_id=source_id, mode=mode)
                detail = {"from": source["token_mode"], "to": mode}
                await self._audit(connection, actor, "source.set_token_mode", source["name"], detail)
        self._known.pop(source_id, None)

    async def add_key(
        self, source_id: int, *, public_key: str, kid: str | None = None, actor: str = "command line"
    ) -> PublicKey:
        """Add a public key beside those that are there.

        Raises:
            BadInput: it is no public key that can be taken.
            Conflict: the source has, or had, a key of this ``kid``, or has too many.
            NotFound: there is no such source.
        """
        key, now = read_public_key(public_key, kid=kid), self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            source = await _app_source(connection, source_id)
            if await store.count_active(connection, source_id=source_id) >= MOST_KEYS:
                raise Conflict(f"A source has at most {MOST_KEYS} keys: retire one first.", code="too_many_keys")
            try:
                await store.add_key(
                    connection,
                    source_id=source_id,
                    kid=key.kid,
                    algorithm=key.algorithm,
                    public_key=key.pem,
                    actor=actor,
                    now=now,
                )
            except asyncpg.UniqueViolationError:
                raise Conflict(
                    f"This source has or had a key {key.kid}: give the new one another kid.",
                    code="kid_taken",
                    field="kid",
                ) from None
            detail = {"kid": key.kid, "algorithm": key.algorithm}
            await self._audit(connection, actor, "source.add_token_key", source["name"], detail)
        self._known.pop(source_id, None)
        return key

    async def retire_key(self, source_id: int, *, kid: str, actor: str = "command line") -> None:
        """Refuse tokens of a key from now on, on every process within seconds, also late ones signed before.

        Raises:
            Conflict: it is the last one of a source that enforces.
            NotFound: there is no such source, or no such key in force.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            source = _found(await store.lock_mode(connection, source_id=source_id))
            found = await store.retire_key(connection, source_id=source_id, kid=kid, actor=actor, now=self._clock.now())
            if not found:
                raise NotFound(f"This source has no key {kid} in force.", field="kid")
            active = await store.count_active(connection, source_id=source_id)
            if source["token_mode"] == TokenMode.ENFORCE and not active:
                raise Conflict(
                    "This is the last key of a source that enforces tokens: add another first, or enforce no more.",
                    code="last_token_key",
                    field="kid",
                )
            await self._audit(connection, actor, "source.retire_token_key", source["name"], {"kid": kid})
        self._known.pop(source_id, None)

    async def _load(self, source_id: int, old: _Remembered | None, now: datetime) -> _Remembered:
        """What the source asks now. Whoever asks meanwhile gets the old answer: one query a turn, not one a request."""
        until = now + self._remember
        if old is not None:
            old.until = until
        try:
            async with briefly(self._pool) as connection:
                if old is not None and old.ring.used:
                    used, old.ring.used = old.ring.used, set()
                    await store.touch_keys(connection, source_id=source_id, kids=used, now=now)
                rows = await store.read_ring(connection, source_id=source_id)
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Send this again later.") from error
        fresh = _remembered(rows, old, until)
        self._known[source_id] = fresh
        return fresh

    async def _audit(
        self, connection: Connection, actor: str, action: str, target: str, detail: dict[str, Any]
    ) -> None:
        now = self._clock.now()
        await access.write_audit(connection, at=now, actor=actor, action=action, target=target, detail=detail)


def _remembered(rows: Sequence[asyncpg.Record], old: _Remembered | None, until: datetime) -> _Remembered:
    """The source as it is now; with the ring of before where its keys are the same, as that knows many tokens."""
    mode = TokenMode(rows[0]["token_mode"]) if rows else TokenMode.OFF
    if mode is TokenMode.OFF:
        return _Remembered(until)
    keys = tuple(
        RingKey(row["kid"], row["algorithm"], row["public_key"], row["retired"])
        for row in rows
        if row["kid"] is not None
    )
    audience = rows[0]["name"]
    same = old is not None and old.ring.made_of == (audience, keys)
    return _Remembered(until, mode, old.ring if old is not None and same else KeyRing(audience=audience, keys=keys))


def _found(source: asyncpg.Record | None) -> asyncpg.Record:
    if source is None:
        raise NotFound("There is no such source.")
    return source


async def _app_source(connection: Connection, source_id: int) -> asyncpg.Record:
    source = _found(await store.lock_mode(connection, source_id=source_id))
    if source["kind"] != "app":
        raise BadInput(
            "Customer tokens are for apps, whose key is public; this source proves itself by its secret key.",
            code="not_an_app",
            field="mode",
        )
    return source
