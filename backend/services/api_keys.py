"""Keys of server programs that read and steer through the API: shown once, kept as hashes."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.store import api_keys as store
from backend.store.outages import OUTAGES

_PREFIX = "joren_api_"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key as a list shows it."""

    name: str
    created_at: datetime
    last_used: datetime | None
    revoked_at: datetime | None


class ApiKeys:
    """Makes, admits and revokes API keys."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def create(self, name: str) -> str:
        """Make a key; gives it, this once.

        Raises:
            BadInput: the name is empty or too long.
            Conflict: the name is taken.
        """
        name = name.strip()
        if not 0 < len(name) <= _LONGEST_NAME:
            raise BadInput(f"A key's name has 1 to {_LONGEST_NAME} characters.", field="name")
        key = _PREFIX + secrets.token_hex(16)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await store.create(connection, name=name, key_hash=_hash(key), now=self._clock.now())
        except asyncpg.UniqueViolationError:
            raise Conflict(f"A key named {name} exists already; choose another name.", field="name") from None
        return key

    async def admit(self, key: str) -> bool:
        """Whether the key opens the API.

        Raises:
            Unavailable: the database does not answer.
        """
        if not key.startswith(_PREFIX):
            return False
        try:
            async with self._pool.acquire(timeout=5) as connection:
                return await store.use(connection, key_hash=_hash(key), now=self._clock.now())
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Try again later.") from error

    async def revoke(self, name: str) -> None:
        """Refuse a key at once.

        Raises:
            NotFound: there is none of that name.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            found = await store.revoke(connection, name=name, now=self._clock.now())
        if not found:
            raise NotFound(f"There is no API key named {name}.")

    async def list(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first."""
        async with self._pool.acquire() as connection:
            records = await store.list_all(connection)
        return tuple(ApiKey(**dict(record)) for record in records)


def _hash(key: str) -> bytes:
    """Keys hold 128 random bits, so a fast hash protects them well."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
