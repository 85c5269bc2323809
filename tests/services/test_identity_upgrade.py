"""People of the release before this one: after the upgrade they are who they were, and everything goes on from there."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from backend.store import schema
from backend.store.pool import open_pool
from tests.fixtures.database import database_of
from tests.services.refreshing import Shop, identify, opened

BEFORE = "0002"

OLD = """
INSERT INTO sources (name, kind) VALUES ('the app', 'app'), ('the server', 'server');
INSERT INTO customers (user_id, created_at, born_source_id, born_anonymous_id, known_to_shop, traits, trait_times)
VALUES
    ('u1', '2026-03-01', 3, 'a1', true, '{"prefecture": "大阪府"}', '{"prefecture": 1772323200000000}'),
    (NULL, '2026-03-01', 3, 'a2', false, '{}', '{}'),
    ('u3', '2026-03-01', 3, NULL, false, '{}', '{}');
INSERT INTO identities VALUES
    ('user', 'u1', 1, true, '2026-03-01'), ('anonymous', 'a1', 1, true, '2026-03-01'),
    ('anonymous', 'a2', 2, true, '2026-03-01'), ('user', 'u3', 3, true, '2026-03-01');
INSERT INTO devices (address, address_kind, customer_id, source_id, anonymous_id, state, first_seen, last_seen, proven_for)
VALUES
    ('t1', 'token', 1, 3, 'a1', 'live', '2026-03-01', '2026-03-02', '{1}'),
    ('t2', 'token', 2, 3, 'a2', 'live', '2026-03-01', '2026-03-02', '{2}'),
    ('t3', 'token', 3, 3, NULL, 'signed_out', '2026-03-01', '2026-03-02', '{3}');
INSERT INTO consents VALUES (1, 'marketing', 'push', true, 3, '2026-03-01');
"""


@pytest.fixture
async def shop(server_dsn: str, tmp_path: Path) -> AsyncIterator[Shop]:
    name = f"joren_old_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server_dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    dsn = database_of(server_dsn, name)
    engine = create_async_engine(schema._sqlalchemy_url(dsn))
    async with engine.connect() as fresh:
        await fresh.run_sync(_upgrade_to_old)
        await fresh.commit()
    await engine.dispose()
    old = await asyncpg.connect(dsn)
    await old.execute(OLD)
    await old.close()
    await schema.migrate(dsn)
    pool = await open_pool(dsn)
    yield Shop(pool, tmp_path)
    await pool.close()
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def _upgrade_to_old(connection: Connection) -> None:
    config = schema._config()
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE)


async def test_people_of_the_release_before_are_who_they_were(shop: Shop) -> None:
    await shop.send("app", opened(anonymous="a1", token="t1"), opened(user="u3", token="t3"))
    await shop.refresh.run_once()
    assert [await shop.device(each) for each in ("t1", "t2", "t3")] == [("u1", "live"), (None, "live"), ("u3", "live")]
    row = await shop.row("u1")
    assert (row["launches"], row["prefecture"], row["consented"], row["reachable"]) == (1, "大阪府", True, True)
    await shop.send("app", identify(user="u1", anonymous="a2", token="t2", gender="female", push_consent=False))
    await shop.refresh.run_once()
    assert await shop.device("t2") == ("u1", "unproven")
    row = await shop.row("u1")
    assert (row["gender"], row["prefecture"], row["consented"]) == ("female", "大阪府", False)
    words = await shop.pool.fetch("SELECT granted FROM consent_words ORDER BY said_at")
    assert [word[0] for word in words] == [True, False]
    await shop.send("server", identify(user="u1", anonymous="a2"))
    await shop.refresh.run_once()
    assert await shop.device("t2") == ("u1", "live")
