"""Write keys: a new one is taken at once, the old ones end when they should, and each can be refused alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib import resources

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.source_keys import MOST_IN_FORCE, SourceKeys
from backend.services.sources import KEY_PREFIX, Sources
from backend.store import source_keys as store

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def sources(pool: asyncpg.Pool, clock: FixedClock) -> Sources:
    return Sources(pool, clock)


@pytest.fixture
def source_keys(pool: asyncpg.Pool, clock: FixedClock) -> SourceKeys:
    return SourceKeys(pool, clock, prefixes={kind.value: prefix for kind, prefix in KEY_PREFIX.items()})


async def taken(sources: Sources, clock: FixedClock, *keys: str) -> list[bool]:
    """Which keys are taken once every process has noticed."""
    clock.advance(timedelta(seconds=3))
    return [await sources.identify(key) is not None for key in keys]


async def test_rotation_takes_both_keys_until_the_overlap_ends(
    sources: Sources, source_keys: SourceKeys, clock: FixedClock
) -> None:
    first = await sources.create("phone")
    second = await source_keys.rotate(first.source_id, overlap=MONTH)
    assert second.write_key.startswith("joren_app_")
    assert await taken(sources, clock, first.write_key, second.write_key) == [True, True]
    clock.advance(MONTH - timedelta(seconds=4))
    assert await taken(sources, clock, first.write_key, second.write_key) == [False, True]
    (one,) = [row for row in await sources.list() if row.name == "phone"]
    assert one.write_key == second.write_key


async def test_without_overlap_the_old_key_ends_within_seconds(
    sources: Sources, source_keys: SourceKeys, clock: FixedClock
) -> None:
    first = await sources.create("till", kind="server")
    assert await taken(sources, clock, first.write_key) == [True]
    second = await source_keys.rotate(first.source_id, overlap=timedelta(0))
    assert await taken(sources, clock, first.write_key, second.write_key) == [False, True]


async def test_a_second_rotation_does_not_lengthen_the_first_ones_overlap(
    sources: Sources, source_keys: SourceKeys
) -> None:
    made = await sources.create("phone")
    await source_keys.rotate(made.source_id, overlap=timedelta(days=1))
    await source_keys.rotate(made.source_id, overlap=MONTH)
    ends = [key.expires_at for key in (await source_keys.sheet(made.source_id)).keys]
    assert ends == [None, NOW + MONTH, NOW + timedelta(days=1)]


async def test_one_key_is_refused_alone_and_the_source_with_all_of_them(
    sources: Sources, source_keys: SourceKeys, clock: FixedClock
) -> None:
    first = await sources.create("phone")
    second = await source_keys.rotate(first.source_id, overlap=MONTH)
    old = (await source_keys.sheet(first.source_id)).keys[-1]
    await source_keys.revoke(first.source_id, old.key_id)
    await source_keys.revoke(first.source_id, old.key_id)
    assert await taken(sources, clock, first.write_key, second.write_key) == [False, True]
    await sources.revoke("phone")
    assert await taken(sources, clock, first.write_key, second.write_key) == [False, False]
    with pytest.raises(Conflict):
        await source_keys.rotate(first.source_id, overlap=MONTH)


async def test_a_sheet_shows_ends_and_use_but_no_secret(
    sources: Sources, source_keys: SourceKeys, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    made = await sources.create("till", kind="server", actor="a@shop.example")
    await sources.identify(made.write_key)
    (key,) = (await source_keys.sheet(made.source_id)).keys
    assert (key.write_key, key.hint, key.last_used, key.created_by) == (
        None,
        made.write_key[-4:],
        NOW,
        "a@shop.example",
    )
    second = await source_keys.rotate(made.source_id, overlap=MONTH)
    dumped = str([tuple(row.values()) for row in await pool.fetch("SELECT * FROM source_keys, audit_log")])
    assert made.write_key not in dumped
    assert second.write_key not in dumped


async def test_use_is_noted_again_after_ten_minutes(
    sources: Sources, source_keys: SourceKeys, clock: FixedClock
) -> None:
    made = await sources.create("phone")
    for minutes, noted in ((0, 0), (9, 0), (2, 11)):
        clock.advance(timedelta(minutes=minutes))
        await sources.identify(made.write_key)
        (key,) = (await source_keys.sheet(made.source_id)).keys
        assert key.last_used == NOW + timedelta(minutes=noted)


async def test_only_so_many_keys_are_in_force_also_when_all_ask_at_once(
    sources: Sources, source_keys: SourceKeys
) -> None:
    made = await sources.create("phone")
    asked = [source_keys.rotate(made.source_id, overlap=MONTH) for _ in range(MOST_IN_FORCE + 2)]
    refused = [
        result for result in await asyncio.gather(*asked, return_exceptions=True) if isinstance(result, Conflict)
    ]
    assert len(refused) == 3
    assert len((await source_keys.sheet(made.source_id)).keys) == MOST_IN_FORCE


async def test_what_does_not_exist_or_cannot_be_is_refused(sources: Sources, source_keys: SourceKeys) -> None:
    made, other = await sources.create("phone"), await sources.create("till", kind="server")
    key_of_other = (await source_keys.sheet(other.source_id)).keys[0].key_id
    for refused in (
        source_keys.find("nobody"),
        source_keys.sheet(1),
        source_keys.rotate(999, overlap=MONTH),
        source_keys.revoke(made.source_id, key_of_other),
    ):
        with pytest.raises(NotFound):
            await refused
    for overlap in (timedelta(seconds=-1), timedelta(days=5000)):
        with pytest.raises(BadInput):
            await source_keys.rotate(made.source_id, overlap=overlap)
    with pytest.raises(BadInput):
        await source_keys.set_limits(made.source_id, key_limit=-1, address_limit=None)


async def test_limits_come_with_the_key_and_every_change_is_written_down(
    sources: Sources, source_keys: SourceKeys, pool: asyncpg.Pool
) -> None:
    made = await sources.create("phone", actor="a@shop.example")
    await source_keys.set_limits(made.source_id, key_limit=0, address_limit=600, actor="a@shop.example")
    found = await sources.identify(made.write_key)
    assert found is not None
    assert (found.key_limit, found.address_limit) == (0, 600)
    await source_keys.rotate(made.source_id, overlap=MONTH, actor="a@shop.example")
    written = await pool.fetch("SELECT actor, action FROM audit_log ORDER BY audit_id")
    assert [row["action"] for row in written] == ["source.create", "source.limit", "source.rotate"]
    assert {row["actor"] for row in written} == {"a@shop.example"}


async def test_keys_of_the_first_release_are_carried_over(pool: asyncpg.Pool, sources: Sources) -> None:
    """The migration's own statement, on a row as the first release wrote it."""
    made = await sources.create("phone")
    await pool.execute(
        "UPDATE sources AS s SET key_hash = k.key_hash, public_key = k.public_key FROM source_keys AS k "
        "WHERE k.source_id = s.source_id"
    )
    await pool.execute("DELETE FROM source_keys")
    assert await sources.identify(made.write_key) is None
    await pool.execute(carrying_over())
    found = await sources.identify(made.write_key)
    assert found is not None
    assert found.source_id == made.source_id


def carrying_over() -> str:
    text = (resources.files("backend.migrations.versions") / "0003_intake.sql").read_text(encoding="utf-8")
    (statement,) = [each for each in text.split(";\n") if "INSERT INTO source_keys" in each]
    return statement


async def test_whoever_changes_keys_bars_neither_the_intake_nor_readers(
    pool: asyncpg.Pool, sources: Sources, source_keys: SourceKeys
) -> None:
    made = await sources.create("phone")
    async with pool.acquire() as changing, changing.transaction():
        assert await store.lock(changing, source_id=made.source_id) is not None
        async with pool.acquire() as intake, intake.transaction():
            await intake.execute("SELECT FROM sources WHERE source_id = $1 FOR KEY SHARE NOWAIT", made.source_id)
        async with asyncio.timeout(5):
            assert len((await source_keys.sheet(made.source_id)).keys) == 1
