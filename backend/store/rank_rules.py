"""Versions of the rank rules. They are added to and never changed."""

import asyncpg
import msgspec

from backend.store import queries
from backend.store.pool import Connection
from segments.rank_rules import RankRules, RankVersion

_SQL = queries.load("rank_rules")


async def list_versions(connection: Connection) -> tuple[RankVersion, ...]:
    """Every version, the first one first."""
    return tuple(_version(row) for row in await connection.fetch(_SQL["list_versions"]))


async def lock(connection: Connection) -> None:
    """Let nobody else save until this transaction ends."""
    await connection.execute(_SQL["lock_versions"])


async def insert(connection: Connection, version: RankVersion) -> None:
    """Keep a version."""
    rules = msgspec.to_builtins(version.rules)
    await connection.execute(
        _SQL["insert_version"],
        version.version,
        version.valid_from,
        rules,
        version.note,
        version.saved_at,
        version.saved_by,
    )


def _version(row: asyncpg.Record) -> RankVersion:
    return RankVersion(
        version=row["version"],
        valid_from=row["valid_from"],
        rules=msgspec.convert(row["rules"], RankRules),
        note=row["note"],
        saved_at=row["saved_at"],
        saved_by=row["saved_by"],
    )
