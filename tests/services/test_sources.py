"""Sources: keys that are found, refused after they were revoked, and never shown twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.sources import SourceKind, Sources
from backend.store import sources as store

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def sources(pool: asyncpg.Pool, clock: FixedClock) -> Sources:
    return Sources(pool, clock)


async def test_a_key_says_whose_it_is(sources: Sources) -> None:
    made = await sources.create("phone", kind="app")
    found = await sources.identify(made.write_key)
    assert found is not None
    assert (found.source_id, found.name, found.kind.trusted) == (made.source_id, "phone", False)
    assert await sources.identify(made.write_key + "x") is None
    assert await sources.identify("") is None


async def test_the_key_of_a_server_is_kept_as_a_hash_only(sources: Sources, pool: asyncpg.Pool) -> None:
    made = await sources.create("till", kind="server")
    assert made.write_key.startswith("joren_srv_")
    dumped = str([dict(row) for row in await pool.fetch("SELECT * FROM sources, source_keys")])
    assert made.write_key not in dumped
    assert [row.write_key for row in await sources.list()] == [None, None, None]


async def test_the_key_of_an_app_can_be_looked_up(sources: Sources) -> None:
    made = await sources.create("phone", kind="app")
    assert [row.write_key for row in await sources.list() if row.name == "phone"] == [made.write_key]


async def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_within_seconds(
    sources: Sources, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    elsewhere = Sources(pool, clock)
    key = (await sources.create("phone")).write_key
    assert await elsewhere.identify(key)
    await sources.revoke("phone")
    assert await sources.identify(key) is None
    clock.advance(timedelta(seconds=3))
    assert await elsewhere.identify(key) is None


@pytest.mark.parametrize(
    ("name", "kind"), [("", "app"), (" ", "app"), ("x" * 101, "app"), ("a\x00", "app"), ("x", "import")]
)
async def test_what_cannot_be_a_source_is_refused(sources: Sources, name: str, kind: str) -> None:
    with pytest.raises(BadInput):
        await sources.create(name, kind=kind)


async def test_many_requests_at_once_look_a_key_up_once(
    pool: asyncpg.Pool, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, asked, find = Sources(pool, clock), 0, store.find_by_key

    async def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return await find(*arguments, **options)

    monkeypatch.setattr(store, "find_by_key", counted)
    key = (await sources.create("phone")).write_key
    for rounds in (1, 2):
        found = await asyncio.gather(*(sources.identify(key) for _ in range(50)))
        assert {each.name for each in found if each} == {"phone"}
        assert (asked, len(found)) == (rounds, 50)
        clock.advance(timedelta(seconds=3))


async def test_a_name_is_taken_once(sources: Sources) -> None:
    await sources.create("phone")
    with pytest.raises(Conflict):
        await sources.create("phone")


async def test_only_sources_with_a_key_are_revoked(sources: Sources) -> None:
    for name in ("import", "nobody"):
        with pytest.raises(NotFound):
            await sources.revoke(name)


async def test_the_built_in_sources_are_found_by_name(sources: Sources) -> None:
    assert (await sources.named("import")).kind is SourceKind.IMPORT
    assert (await sources.named("joren")).kind.trusted
    with pytest.raises(NotFound):
        await sources.named("nobody")
