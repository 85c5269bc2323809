"""Administrators, their sessions, failed sign-ins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("access")


async def insert_admin(
    connection: Connection, *, email: str, name: str, role: str, language: str, password_hash: str, now: datetime
) -> asyncpg.Record:
    """Add an account and return its row.

    Raises:
        asyncpg.UniqueViolationError: when the address is taken.
    """
    return await connection.fetchrow(_SQL["insert_admin"], email, name, role, language, password_hash, now)


async def list_admins(connection: Connection) -> list[asyncpg.Record]:
    """All accounts, active ones first."""
    return list(await connection.fetch(_SQL["list_admins"]))


async def find_admin(connection: Connection, *, email: str) -> asyncpg.Record | None:
    """The account of an address, whatever its case."""
    return await connection.fetchrow(_SQL["find_admin"], email)


async def get_admin(connection: Connection, *, admin_id: int) -> asyncpg.Record | None:
    """The account of a number."""
    return await connection.fetchrow(_SQL["get_admin"], admin_id)


async def lock_active_administrators(connection: Connection) -> list[int]:
    """Numbers of the active accounts with the administrator's role; locked until the transaction ends."""
    return [row["admin_id"] for row in await connection.fetch(_SQL["count_active_administrators"])]


async def set_role(connection: Connection, *, admin_id: int, role: str) -> None:
    """Give an account another role."""
    await connection.execute(_SQL["set_role"], admin_id, role)


async def set_disabled(connection: Connection, *, admin_id: int, at: datetime | None) -> None:
    """Disable an account from a moment on, or enable it again with None."""
    await connection.execute(_SQL["set_disabled"], admin_id, at)


async def set_language(connection: Connection, *, admin_id: int, language: str) -> None:
    """Choose the language of an account's pages."""
    await connection.execute(_SQL["set_language"], admin_id, language)


async def set_password_hash(connection: Connection, *, admin_id: int, password_hash: str) -> None:
    """Replace an account's password hash."""
    await connection.execute(_SQL["set_password_hash"], admin_id, password_hash)


async def insert_session(
    connection: Connection, *, token_hash: bytes, admin_id: int, csrf_key: bytes, now: datetime
) -> None:
    """Begin a session."""
    await connection.execute(_SQL["insert_session"], token_hash, admin_id, csrf_key, now)


async def find_session(
    connection: Connection, *, token_hash: bytes, seen_after: datetime, created_after: datetime
) -> asyncpg.Record | None:
    """A living session with its account; None for one that ended, idled out, grew too old or was disabled."""
    return await connection.fetchrow(_SQL["find_session"], token_hash, seen_after, created_after)


async def touch_session(connection: Connection, *, token_hash: bytes, now: datetime) -> None:
    """Note that a session was used."""
    await connection.execute(_SQL["touch_session"], token_hash, now)


async def end_session(connection: Connection, *, token_hash: bytes, now: datetime) -> None:
    """End one session."""
    await connection.execute(_SQL["end_session"], token_hash, now)


async def end_sessions(connection: Connection, *, admin_id: int, but: bytes | None, now: datetime) -> None:
    """End an account's sessions, but for the one whose hash is given."""
    await connection.execute(_SQL["end_sessions"], admin_id, but, now)


async def delete_old(connection: Connection, *, sessions_before: datetime, failures_before: datetime) -> None:
    """Remove sessions and failures that can no longer matter."""
    await connection.execute(_SQL["delete_old_sessions"], sessions_before)
    await connection.execute(_SQL["delete_old_failures"], failures_before)


async def count_failures(connection: Connection, *, subject: str, since: datetime) -> int:
    """Failures of one subject since a moment; other attempts on it wait until the transaction ends."""
    await connection.execute(_SQL["lock_subject"], subject)
    return int(await connection.fetchval(_SQL["count_failures"], subject, since))


async def insert_failure(connection: Connection, *, subject: str, now: datetime) -> None:
    """Count one failure of a subject."""
    await connection.execute(_SQL["insert_failure"], subject, now)


async def forget_failures(connection: Connection, *, subject: str) -> None:
    """Forget a subject's failures, after it signed in."""
    await connection.execute(_SQL["forget_failures"], subject)


async def write_audit(
    connection: Connection, *, at: datetime, actor: str, action: str, target: str, detail: Mapping[str, Any]
) -> None:
    """Note who did what."""
    await connection.execute(_SQL["write_audit"], at, actor, action, target, dict(detail))
