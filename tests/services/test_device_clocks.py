"""What one process learns of phones' clocks serves the others, and outlives it."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from backend.clock import FixedClock
from backend.errors import Unavailable
from backend.services.device_clocks import FRESH, GONE, DeviceClocks, device_key
from tests.fixtures.phone_uploads import swift_event

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
SOURCE = 7
DEVICE = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def clocks(pool: asyncpg.Pool, clock: FixedClock) -> DeviceClocks:
    return DeviceClocks(pool, clock)


async def send(
    clocks: DeviceClocks,
    *,
    behind: timedelta,
    waited: timedelta = timedelta(0),
    at: datetime = NOW,
    device: str = DEVICE,
) -> timedelta | None:
    """A file of a phone whose clock is behind, which waited before it was sent; a file that waited is a retry."""
    closed = at - behind - waited
    event = swift_event(1, closed.isoformat())
    event["context"]["device"]["id"] = device
    return await clocks.skew_of(
        SOURCE, [msgspec.json.encode(event)], sent_at=closed, received_at=at, retried=waited > timedelta(0)
    )


async def remembered(pool: asyncpg.Pool) -> dict[object, tuple[timedelta, timedelta | None]]:
    rows = await pool.fetch("SELECT device_key, skew, doubt FROM device_clocks")
    return {row["device_key"]: (row["skew"], row["doubt"]) for row in rows}


async def test_a_file_sent_at_once_teaches_and_one_that_waited_profits(clocks: DeviceClocks) -> None:
    assert await send(clocks, behind=AN_HOUR, waited=AN_HOUR) is None
    assert await send(clocks, behind=AN_HOUR) == AN_HOUR
    assert await send(clocks, behind=AN_HOUR, waited=9 * AN_HOUR) == AN_HOUR


async def test_another_process_reads_what_was_written_down(
    clocks: DeviceClocks, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    await send(clocks, behind=AN_HOUR)
    await clocks.write()
    assert await remembered(pool) == {device_key(SOURCE, DEVICE): (AN_HOUR, None)}
    assert await send(DeviceClocks(pool, clock), behind=AN_HOUR, waited=9 * AN_HOUR) == AN_HOUR


async def test_what_another_process_learned_is_seen_after_a_while(
    clocks: DeviceClocks, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    await send(clocks, behind=AN_HOUR)
    await clocks.write()
    other = DeviceClocks(pool, clock)
    await send(other, behind=timedelta(0))
    await other.write()
    assert await send(clocks, behind=timedelta(0), waited=9 * AN_HOUR) == AN_HOUR
    assert await send(clocks, behind=timedelta(0), waited=9 * AN_HOUR, at=NOW + FRESH) == timedelta(0)


async def test_a_phone_seen_daily_costs_no_writing(clocks: DeviceClocks, pool: asyncpg.Pool, clock: FixedClock) -> None:
    versions = set()
    for _ in range(3):
        await send(DeviceClocks(pool, clock), behind=timedelta(0))
        again = DeviceClocks(pool, clock)
        await send(again, behind=timedelta(0))
        await again.write()
        versions.add(await pool.fetchval("SELECT xmin::text FROM device_clocks"))
        clock.advance(timedelta(days=1))
    assert len(versions) == 1


async def test_only_a_phone_whose_clock_differs_needs_the_database(pool: asyncpg.Pool, clock: FixedClock) -> None:
    await pool.close()
    clocks = DeviceClocks(pool, clock)
    assert await send(clocks, behind=timedelta(0)) == timedelta(0)
    assert await send(clocks, behind=timedelta(0), waited=AN_HOUR) == timedelta(0)
    with pytest.raises(Unavailable):
        await send(clocks, behind=AN_HOUR, device="another")


async def test_what_was_learned_is_kept_while_the_database_is_away(clocks: DeviceClocks, pool: asyncpg.Pool) -> None:
    await send(clocks, behind=AN_HOUR)
    await pool.execute("ALTER TABLE device_clocks RENAME TO elsewhere")
    await clocks.write()
    await pool.execute("ALTER TABLE elsewhere RENAME TO device_clocks")
    await clocks.write()
    assert await remembered(pool) == {device_key(SOURCE, DEVICE): (AN_HOUR, None)}


async def test_no_more_devices_are_kept_in_mind_than_there_is_room_for(pool: asyncpg.Pool, clock: FixedClock) -> None:
    clocks = DeviceClocks(pool, clock, most=10)
    for number in range(30):
        await send(clocks, behind=timedelta(0), device=f"device {number}")
    assert len(clocks._known) == 10


async def test_phones_that_are_gone_and_erased_ones_are_forgotten(
    clocks: DeviceClocks, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    for device in ("old", "erased", "new"):
        await send(clocks, behind=AN_HOUR, device=device)
        await clocks.write()
        clock.advance(GONE / 2)
    await clocks.forget(SOURCE, ["erased"])
    await clocks._forget_gone(clock.now() - GONE)
    assert await remembered(pool) == {device_key(SOURCE, "new"): (AN_HOUR, None)}


async def test_it_writes_by_itself_and_at_its_end(clocks: DeviceClocks, pool: asyncpg.Pool) -> None:
    await clocks.start()
    await send(clocks, behind=AN_HOUR)
    await clocks.stop()
    assert await remembered(pool) == {device_key(SOURCE, DEVICE): (AN_HOUR, None)}
