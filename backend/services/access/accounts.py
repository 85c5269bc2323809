"""Accounts of the admin pages: who may sign in, and what each may do."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg
from argon2 import PasswordHasher

from backend.clock import Clock
from backend.errors import BadInput, Conflict
from backend.services.access.passwords import Passwords, check_password
from backend.store import access as store


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
class Created:
    """A new account; ``password`` is the generated one, shown once, or None where one was given."""

    administrator: Administrator
    password: str | None


class Accounts:
    """Administrators."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, hasher: PasswordHasher | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._passwords = Passwords(hasher)

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
        hashed = await self._passwords.hash(secret)
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
        return Created(administrator=administrator_of(row), password=secret if password is None else None)

    async def put_administrator(self, *, email: str, name: str, role: str, password: str) -> Administrator:
        """Make sure that this account exists and signs in with this password: for installations set up by a script."""
        try:
            created = await self.create(email=email, name=name, role=role, password=password, actor="set-up")
        except Conflict:
            row = await self._account(email)
            if row is None:
                raise
            if not await self._passwords.fits(row["password_hash"], password):
                hashed = await self._passwords.hash(password)
                async with self._pool.acquire() as connection:
                    await store.set_password_hash(connection, admin_id=row["admin_id"], password_hash=hashed)
            return administrator_of(row)
        return created.administrator

    async def administrators(self) -> list[Administrator]:
        """All accounts, active ones first."""
        async with self._pool.acquire() as connection:
            return [administrator_of(row) for row in await store.list_admins(connection)]

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

    async def _account(self, email: str) -> asyncpg.Record | None:
        async with self._pool.acquire() as connection:
            return await store.find_admin(connection, email=email.strip())

    async def _keep_one_administrator(self, connection: Any, admin_id: int) -> None:
        if await store.lock_active_administrators(connection) == [admin_id]:
            raise Conflict("This is the last administrator: make another one first.", code="last_administrator")

    async def _audit(self, connection: Any, actor: str, action: str, target: str, detail: dict[str, Any]) -> None:
        await store.write_audit(
            connection, at=self._clock.now(), actor=actor, action=action, target=target, detail=detail
        )


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


def administrator_of(row: asyncpg.Record) -> Administrator:
    """The account of a row, also of a session's row."""
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
