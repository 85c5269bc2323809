"""Keys of server programs that read and steer through the API: scoped, expiring, shown once, kept as hashes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.store import access
from backend.store import api_keys as store
from backend.store.outages import OUTAGES
from backend.store.secrets import digest, mint

EVERYTHING = "*"
"""The scope of a key that may do all that the API can, also what later releases add."""

NOUNS = (
    "customers",
    "devices",
    "events",
    "consents",
    "segments",
    "campaigns",
    "coupons",
    "ranks",
    "shop",
    "imports",
    "exports",
    "webhooks",
    "privacy",
)
SCOPES = (
    *(f"{noun}:{verb}" for noun in NOUNS for verb in ("read", "write")),
    "campaigns:send",
    "kpis:read",
    "metrics:read",
)
"""What a key can be allowed. ``write`` does not include ``read``; ``campaigns:send`` is what reaches customers."""

_PREFIX = "joren_api_"
_LONGEST_NAME = 100
HIGHEST_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCaller:
    """The key that a request came with."""

    api_key_id: int
    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the key was given this scope, by name or with all others."""
        return scope in self.scopes or EVERYTHING in self.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key as a list shows it. ``hint`` is the end of the key, empty for keys of the first release.

    ``request_limit`` is in requests a minute: None for the installation's default, 0 for no limit.
    """

    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used: datetime | None
    revoked_at: datetime | None
    request_limit: int | None


class Limiter(Protocol):
    """Counts requests: `backend.services.rates.Rates`."""

    async def spend(self, subject: str, cost: int = 1, *, per_minute: int) -> None:
        """Count one against a subject's limit; raises TooMany where it is reached."""
        ...


class ApiKeys:
    """Makes, admits and revokes API keys."""

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, *, limiter: Limiter | None = None, per_minute: int = 0
    ) -> None:
        """Take the pool, the clock, what counts requests, and how many a key may make a minute (0: no limit)."""
        self._pool = pool
        self._clock = clock
        self._limiter = limiter
        self._per_minute = per_minute

    async def create(
        self, name: str, *, scopes: Collection[str], expires_at: datetime | None = None, actor: str = "command line"
    ) -> str:
        """Make a key; gives it, this once.

        Args:
            name: who will use it.
            scopes: of `SCOPES`, or `EVERYTHING`.
            expires_at: from when on it is refused; None for never.
            actor: who asks for it.

        Raises:
            BadInput: the name is empty or too long, no scope or one that does not exist, an end that is past.
            Conflict: the name is taken.
        """
        name, allowed, now = _checked_name(name), _checked_scopes(scopes), self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise BadInput("The key would have expired already.", code="bad_expiry", field="expires_at")
        secret = mint(_PREFIX)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await store.create(
                    connection,
                    name=name,
                    key_hash=secret.digest,
                    hint=secret.hint,
                    scopes=allowed,
                    expires_at=expires_at,
                    created_by=actor,
                    now=now,
                )
                detail = {"scopes": list(allowed), "expires_at": expires_at and expires_at.isoformat()}
                await access.write_audit(
                    connection, at=now, actor=actor, action="api_key.create", target=name, detail=detail
                )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"A key named {name} exists already; choose another name.", field="name") from None
        return secret.text

    async def admit(self, key: str) -> ApiCaller | None:
        """Who opens the API with this key; None for one that is unknown, revoked or expired.

        Raises:
            TooMany: the key made too many requests.
            Unavailable: the database does not answer.
        """
        if not key.startswith(_PREFIX):
            return None
        try:
            async with self._pool.acquire(timeout=5) as connection:
                found = await store.use(connection, key_hash=digest(key), now=self._clock.now())
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Try again later.") from error
        if found is None:
            return None
        if self._limiter is not None:
            limit = self._per_minute if found["request_limit"] is None else found["request_limit"]
            await self._limiter.spend(f"api:{found['api_key_id']}", per_minute=limit)
        return ApiCaller(api_key_id=found["api_key_id"], name=found["name"], scopes=frozenset(found["scopes"]))

    async def revoke(self, name: str, *, actor: str = "command line") -> None:
        """Refuse a key at once.

        Raises:
            NotFound: there is none of that name.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.revoke(connection, name=name, now=now):
                raise NotFound(f"There is no API key named {name}.")
            await access.write_audit(connection, at=now, actor=actor, action="api_key.revoke", target=name, detail={})

    async def set_limit(self, name: str, *, request_limit: int | None, actor: str = "command line") -> None:
        """Set how many requests a minute a key may make: None for the installation's default, 0 for no limit.

        Raises:
            BadInput: the limit is negative or beyond `HIGHEST_LIMIT`.
            NotFound: there is no key of that name.
        """
        if request_limit is not None and not 0 <= request_limit <= HIGHEST_LIMIT:
            raise BadInput(f"A limit is from 0 to {HIGHEST_LIMIT}.", code="bad_limit", field="request_limit")
        now, detail = self._clock.now(), {"request_limit": request_limit}
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.set_limit(connection, name=name, limit=request_limit):
                raise NotFound(f"There is no API key named {name}.")
            await access.write_audit(
                connection, at=now, actor=actor, action="api_key.limit", target=name, detail=detail
            )

    async def list(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first."""
        async with self._pool.acquire() as connection:
            records = await store.list_all(connection)
        return tuple(ApiKey(**{**dict(record), "scopes": tuple(record["scopes"])}) for record in records)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or "\x00" in name:
        raise BadInput(f"A key's name has 1 to {_LONGEST_NAME} characters.", code="bad_name", field="name")
    return name


def _checked_scopes(scopes: Collection[str]) -> tuple[str, ...]:
    """The scopes in the order of `SCOPES`, each once."""
    unknown = sorted(set(scopes) - {EVERYTHING, *SCOPES})
    if unknown or not scopes:
        wrong = f"There is no scope {unknown[0]}" if unknown else "A key needs a scope"
        known = ", ".join(SCOPES)
        raise BadInput(f"{wrong}; there are {known}, and {EVERYTHING} for all.", code="bad_scope", field="scopes")
    if EVERYTHING in scopes:
        return (EVERYTHING,)
    return tuple(scope for scope in SCOPES if scope in scopes)
