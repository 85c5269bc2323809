"""Who may open the admin pages: accounts, sign-in, sessions.

A session is an opaque token of 256 bits that only the browser holds; the database keeps its SHA-256. It is made anew
at every sign-in and dies after 30 idle minutes, after 12 hours, at sign-out, when the account is disabled and, but
for the one that asked, when the password changes.
"""

import asyncio
import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.clock import Clock
from backend.errors import BadInput, Conflict, Forbidden, NotFound
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
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

_COMMON = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234",
        "qwertyuiop12",
        "qwertyuiopas",
        "1q2w3e4r5t6y",
        "password1234",
        "password12345",
        "passwordpassword",
        "administrator",
        "administrator1",
        "letmein12345",
        "iloveyou1234",
        "abcdefghijkl",
        "asdfghjkl123",
        "qwerty123456",
        "q1w2e3r4t5y6",
        "admin1234567",
        "adminadminadmin",
        "jorenjorenjoren",
    }
)
"""Guesses of twelve letters and more that every list begins with; shorter ones are refused by length."""


class Role(StrEnum):
    """What an administrator may do: everything; everything but accounts and settings; look."""

    ADMINISTRATOR = "administrator"
    MARKETER = "marketer"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """One account of the admin pages."""

    admin_id: int
    email: str
    name: str
    role: Role
    language: str
    created_at: datetime
    disabled_at: datetime | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A living session. ``csrf_key`` binds the tokens of its forms to it."""

    administrator: Administrator
    token_hash: bytes
    csrf_key: bytes
    created_at: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new account; ``password`` is the generated one, shown once, or None where one was given."""

    administrator: Administrator
    password: str | None


class Refused(Forbidden):
    """Address and password do not fit together; which of the two is wrong is not said."""

    code = "sign_in_refused"


class Throttled(Forbidden):
    """Too many failures of this account or network."""

    code = "sign_in_throttled"


class Access:
    """Administrators and their sessions."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, hasher: PasswordHasher | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._at_once = asyncio.Semaphore(2)  # a hash takes 19 MiB: a flood of sign-ins must not take the memory

    async def create(
        self, *, email: str, name: str, role: str, actor: str, password: str | None = None, language: str = "ja"
    ) -> Created:
        """Add an administrator, with a generated password when none is given.

        Raises:
            BadInput: a field that cannot be taken, named in ``field``.
            Conflict: when the address is taken.
        """
        email, name = _checked_email(email), _checked_name(name)
        chosen = Role(_one_of(role, "role", [r.value for r in Role]))
        secret = password if password is not None else secrets.token_urlsafe(15)
        check_password(secret, email=email)
        hashed = await self._hash(secret)
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                row = await store.insert_admin(
                    connection,
                    email=email,
                    name=name,
                    role=chosen,
                    language=_one_of(language, "language", ["ja", "en"]),
                    password_hash=hashed,
                    now=self._clock.now(),
                )
            except asyncpg.UniqueViolationError as error:
                raise Conflict(f"{email} already has an account.", code="email_taken", field="email") from error
            await self._audit(connection, actor, "administrator.create", email, {"role": chosen})
        return Created(administrator=_administrator(row), password=secret if password is None else None)

    async def put_administrator(self, *, email: str, name: str, role: str, password: str) -> Administrator:
        """Make sure that this account exists and signs in with this password: for installations set up by a script."""
        try:
            created = await self.create(email=email, name=name, role=role, password=password, actor="set-up")
        except Conflict:
            row = await self._account(email)
            if row is None:
                raise
            if not await self._verify(row["password_hash"], password):
                hashed = await self._hash(password)
                async with self._pool.acquire() as connection:
                    await store.set_password_hash(connection, admin_id=row["admin_id"], password_hash=hashed)
            return _administrator(row)
        return created.administrator

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
        fits = await self._verify(row["password_hash"] if row is not None and known else self._nobody, password)
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

    async def administrators(self) -> list[Administrator]:
        """All accounts, active ones first."""
        async with self._pool.acquire() as connection:
            return [_administrator(row) for row in await store.list_admins(connection)]

    async def set_language(self, admin_id: int, *, language: str) -> None:
        """Choose the language of one's pages."""
        _one_of(language, "language", ["ja", "en"])
        async with self._pool.acquire() as connection:
            await store.set_language(connection, admin_id=admin_id, language=language)

    async def set_role(self, admin_id: int, *, role: str, actor: str) -> None:
        """Give an account another role. The last administrator keeps his.

        Raises:
            Conflict: when nobody could manage accounts afterwards.
        """
        chosen = Role(_one_of(role, "role", [r.value for r in Role]))
        async with self._pool.acquire() as connection, connection.transaction():
            if chosen is not Role.ADMINISTRATOR:
                await self._keep_one_administrator(connection, admin_id)
            await store.set_role(connection, admin_id=admin_id, role=chosen)
            await self._audit(connection, actor, "administrator.set_role", str(admin_id), {"role": chosen})

    async def set_disabled(self, admin_id: int, *, disabled: bool, actor: str) -> None:
        """Disable an account and end its sessions, or enable it again.

        Raises:
            Conflict: when nobody could manage accounts afterwards.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            if disabled:
                await self._keep_one_administrator(connection, admin_id)
                await store.end_sessions(connection, admin_id=admin_id, but=None, now=now)
            await store.set_disabled(connection, admin_id=admin_id, at=now if disabled else None)
            action = "administrator.disable" if disabled else "administrator.enable"
            await self._audit(connection, actor, action, str(admin_id), {})

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
        if not await self._verify(row["password_hash"], current):
            raise BadInput("The current password is wrong.", code="wrong_password", field="current")
        hashed = await self._hash(new)
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

    async def _account(self, email: str) -> asyncpg.Record | None:
        async with self._pool.acquire() as connection:
            return await store.find_admin(connection, email=email.strip())

    async def _begin(self, row: asyncpg.Record, password: str, *, account: str) -> tuple[str, Session]:
        token, key, now = secrets.token_urlsafe(32), secrets.token_bytes(32), self._clock.now()
        stale = self._hasher.check_needs_rehash(row["password_hash"])
        rehashed = await self._hash(password) if stale else None
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
            administrator=_administrator(row),
            token_hash=_hash_token(token),
            csrf_key=key,
            created_at=now,
            last_seen=now,
        )
        return token, session

    async def _keep_one_administrator(self, connection: Any, admin_id: int) -> None:
        if await store.lock_active_administrators(connection) == [admin_id]:
            raise Conflict("This is the last administrator: make another one first.", code="last_administrator")

    async def _audit(self, connection: Any, actor: str, action: str, target: str, detail: dict[str, Any]) -> None:
        await store.write_audit(
            connection, at=self._clock.now(), actor=actor, action=action, target=target, detail=detail
        )

    async def _hash(self, password: str) -> str:
        async with self._at_once:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _verify(self, hashed: str, password: str) -> bool:
        async with self._at_once:
            return await asyncio.to_thread(self._fits, hashed, password[:LONGEST_PASSWORD])

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, *, email: str) -> None:
    """Refuse passwords that are guessed first. Any characters are allowed, and nothing must be mixed.

    Raises:
        BadInput: too short, too long, one of the common ones, or made of the address.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(f"Use at least {SHORTEST_PASSWORD} characters.", code="password_short", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise BadInput(f"Use at most {LONGEST_PASSWORD} characters.", code="password_long", field="password")
    lowered = password.lower()
    local = email.partition("@")[0].lower()
    guessed_first = lowered in _COMMON or len(set(lowered)) < 4 or lowered.replace(local, "") in ("", "1", "123")  # noqa: PLR2004 - "aaaaaaaaaaaa"
    if guessed_first:
        raise BadInput("This password is guessed first. Choose another.", code="password_common", field="password")


def _checked_email(email: str) -> str:
    local, at, domain = email.strip().partition("@")
    if not (local and at and "." in domain and " " not in email.strip()) or len(email) > 320:  # noqa: PLR2004 - RFC 3696
        raise BadInput(f"{email!r} is not a mail address.", code="bad_email", field="email")
    return f"{local}@{domain}"


def _checked_name(name: str) -> str:
    stripped = name.strip()
    if not 1 <= len(stripped) <= 100:  # noqa: PLR2004 - what fits a line
        raise BadInput("A name has 1 to 100 characters.", code="bad_name", field="name")
    return stripped


def _one_of(value: str, field: str, allowed: list[str]) -> str:
    if value not in allowed:
        raise BadInput(f"{field} is one of {', '.join(allowed)}.", code=f"bad_{field}", field=field)
    return value


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


def _administrator(row: asyncpg.Record) -> Administrator:
    return Administrator(
        admin_id=row["admin_id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        language=row["language"],
        created_at=row["admin_created_at"] if "admin_created_at" in row else row["created_at"],
        disabled_at=row.get("disabled_at", None),
        last_seen=row["last_seen"] if "last_seen" in row and "token_hash" not in row else None,
    )


def _session(row: asyncpg.Record) -> Session:
    return Session(
        administrator=_administrator(row),
        token_hash=row["token_hash"],
        csrf_key=row["csrf_key"],
        created_at=row["created_at"],
        last_seen=row["last_seen"],
    )
