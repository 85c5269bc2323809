"""Sign-in and sessions.

A session is an opaque token of 256 bits that only the browser holds; the database keeps its SHA-256. It is made anew
at every sign-in and dies after 30 idle minutes, after 12 hours, at sign-out, when the account is disabled and, but
for the one that asked, when the password changes.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from backend.errors import BadInput, Forbidden, NotFound
from backend.services.access.accounts import Accounts, Administrator, administrator_of
from backend.services.access.passwords import check_password
from backend.store import access as store

IDLE_LIMIT = timedelta(minutes=30)
"""A session unused for this long is over."""
ABSOLUTE_LIMIT = timedelta(hours=12)
"""A session is never older than this."""
TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is known."""
THROTTLE_WINDOW = timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 10
FAILURES_PER_NETWORK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A living session. ``csrf_key`` binds the tokens of its forms to it."""

    administrator: Administrator
    token_hash: bytes
    csrf_key: bytes
    created_at: datetime
    last_seen: datetime


class Refused(Forbidden):
    """Address and password do not fit together; which of the two is wrong is not said."""

    code = "sign_in_refused"


class Throttled(Forbidden):
    """Too many failures of this account or network."""

    code = "sign_in_throttled"


class Access(Accounts):
    """Administrators and their sessions."""

    async def sign_in(self, *, email: str, password: str, network: str) -> tuple[str, Session]:
        """A new session for the right password: its token, which is not kept, and the session.

        Unknown, disabled and wrong take the same path and the same time.

        Raises:
            Refused: address and password do not fit.
            Throttled: too many failures in the last quarter of an hour.
        """
        subjects = {f"account:{email.strip().lower()[:320]}": FAILURES_PER_ACCOUNT}
        subjects[f"network:{_network(network)}"] = FAILURES_PER_NETWORK
        await self._count_attempt(subjects)
        row = await self._account(email)
        known = row is not None and row["disabled_at"] is None
        fits = await self._passwords.fits(
            row["password_hash"] if row is not None and known else self._passwords.nobody, password
        )
        if row is None or not known or not fits:
            raise Refused("The address or the password is wrong.")
        return await self._begin(row, password, account=next(iter(subjects)))

    async def session(self, token: str) -> Session | None:
        """The living session of a token, and note that it is in use."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            row = await store.find_session(
                connection,
                token_hash=_hash_token(token),
                seen_after=now - IDLE_LIMIT,
                created_after=now - ABSOLUTE_LIMIT,
            )
            if row is not None and now - row["last_seen"] >= TOUCH_EVERY:
                await store.touch_session(connection, token_hash=row["token_hash"], now=now)
        return None if row is None else _session(row)

    async def sign_out(self, session: Session) -> None:
        """End a session."""
        async with self._pool.acquire() as connection:
            await store.end_session(connection, token_hash=session.token_hash, now=self._clock.now())

    async def change_password(self, session: Session, *, current: str, new: str) -> None:
        """Change one's own password; every other session of the account ends.

        Raises:
            BadInput: the current one is wrong (``field`` current) or the new one cannot be taken (``field`` password).
        """
        who = session.administrator
        check_password(new, email=who.email)
        async with self._pool.acquire() as connection:
            row = await store.get_admin(connection, admin_id=who.admin_id)
        if row is None:
            raise NotFound("This account is gone.")
        if not await self._passwords.fits(row["password_hash"], current):
            raise BadInput("The current password is wrong.", code="wrong_password", field="current")
        hashed = await self._passwords.hash(new)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.set_password_hash(connection, admin_id=who.admin_id, password_hash=hashed)
            await store.end_sessions(connection, admin_id=who.admin_id, but=session.token_hash, now=self._clock.now())
            await self._audit(connection, who.email, "administrator.change_password", str(who.admin_id), {})

    async def _count_attempt(self, subjects: dict[str, int]) -> None:
        """Count the attempt as failed before the password is looked at: a crash or a volley is counted too."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            for subject, limit in sorted(subjects.items()):
                if await store.count_failures(connection, subject=subject, since=now - THROTTLE_WINDOW) >= limit:
                    raise Throttled("Too many attempts. Wait 15 minutes and try again.")
            for subject in subjects:
                await store.insert_failure(connection, subject=subject, now=now)

    async def _begin(self, row: asyncpg.Record, password: str, *, account: str) -> tuple[str, Session]:
        token, key, now = secrets.token_urlsafe(32), secrets.token_bytes(32), self._clock.now()
        stale = self._passwords.is_stale(row["password_hash"])
        rehashed = await self._passwords.hash(password) if stale else None
        async with self._pool.acquire() as connection, connection.transaction():
            if rehashed is not None:
                await store.set_password_hash(connection, admin_id=row["admin_id"], password_hash=rehashed)
            await store.forget_failures(connection, subject=account)
            await store.delete_old(
                connection, sessions_before=now - 2 * ABSOLUTE_LIMIT, failures_before=now - 4 * THROTTLE_WINDOW
            )
            await store.insert_session(
                connection, token_hash=_hash_token(token), admin_id=row["admin_id"], csrf_key=key, now=now
            )
            await self._audit(connection, row["email"], "administrator.sign_in", str(row["admin_id"]), {})
        session = Session(
            administrator=administrator_of(row),
            token_hash=_hash_token(token),
            csrf_key=key,
            created_at=now,
            last_seen=now,
        )
        return token, session


def _network(address: str) -> str:
    """The network an address counts for: itself, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6:  # noqa: PLR2004 - IPv6
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(row: asyncpg.Record) -> Session:
    return Session(
        administrator=administrator_of(row),
        token_hash=row["token_hash"],
        csrf_key=row["csrf_key"],
        created_at=row["created_at"],
        last_seen=row["last_seen"],
    )
