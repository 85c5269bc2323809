"""A restored database sends nothing until a person arms it; the one it comes from, and a crash, are no restore."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.services.sending_rights import Held, Mark, SendingRights, judge, read_mark, write_mark
from backend.store.sending_rights import Identity, Right
from campaigns.campaign import State
from tests.fixtures.shop_floor import NOON, ShopFloor

HERE = Identity(7, 1, 16_384)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
RIGHT = Right(UUID(int=1), HERE, FIRST)


def mark(**changes: object) -> Mark:
    return Mark(**{"right_id": RIGHT.right_id, "armed_at": FIRST, "position": 100, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("identity", "position", "seen", "held"),
    [
        (HERE, 100, None, None),
        (HERE, 100, mark(), None),
        (HERE, 101, mark(), None),
        (HERE, 99, mark(), Held.ROLLED_BACK),
        (Identity(8, 1, 16_384), 100, None, Held.RESTORED),
        (Identity(7, 2, 16_384), 100, mark(), Held.RESTORED),
        (Identity(7, 1, 16_385), 100, mark(), Held.RESTORED),
        # armed since this machine last looked: what it saw before is out of force, wherever the log stands
        (HERE, 5, mark(right_id=UUID(int=2), armed_at=FIRST - timedelta(days=1)), None),
        # put back to before the arming that this machine has seen
        (HERE, 500, mark(right_id=UUID(int=2), armed_at=FIRST + timedelta(days=1)), Held.ROLLED_BACK),
    ],
)
def test_another_database_or_an_older_log_has_no_right(
    identity: Identity, position: int, seen: Mark | None, held: Held | None
) -> None:
    assert judge(RIGHT, identity, position, seen) is held


def test_a_mark_never_goes_back_and_an_unreadable_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "home" / "sending.mark"
    assert read_mark(path) is None
    write_mark(path, mark())
    write_mark(path, mark(position=90))
    assert read_mark(path) == mark()
    other = mark(right_id=uuid4(), position=3)
    write_mark(path, other)
    assert read_mark(path) == other
    path.write_bytes(b"{")
    assert read_mark(path) is None
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / f"machine-{number}" for number in range(9))


async def test_the_first_worker_arms_and_its_database_stays_armed(pool: asyncpg.Pool, homes: Iterator[Path]) -> None:
    clock, home = FixedClock(NOON), next(homes)
    assert await SendingRights(pool, clock, home=home).held() is None
    assert await SendingRights(pool, clock, home=home).held() is None
    assert await SendingRights(pool, clock, home=next(homes)).held() is None
    assert await pool.fetchval("SELECT count(*) FROM sending_rights") == 1


async def test_workers_that_start_together_arm_once(pool: asyncpg.Pool, homes: Iterator[Path]) -> None:
    clock = FixedClock(NOON)
    workers = [SendingRights(pool, clock, home=home) for home in (*homes,)[:4]]
    assert await asyncio.gather(*(worker.held() for worker in workers)) == [None] * 4
    assert await pool.fetchval("SELECT count(*) FROM sending_rights") == 1


async def test_an_older_log_is_held_until_it_is_armed_everywhere(pool: asyncpg.Pool, homes: Iterator[Path]) -> None:
    clock, first, second = FixedClock(NOON), next(homes), next(homes)
    for home in (first, second):
        assert await SendingRights(pool, clock, home=home).held() is None
        seen = read_mark(home / "sending.mark")
        assert seen is not None
        write_mark(home / "sending.mark", Mark(seen.right_id, seen.armed_at, seen.position + 10**9))
    rights = [SendingRights(pool, clock, home=home) for home in (first, second)]
    assert [await each.held() for each in rights] == [Held.ROLLED_BACK, Held.ROLLED_BACK]
    clock.advance(timedelta(minutes=1))
    await rights[0].arm(by="operator")
    clock.advance(timedelta(seconds=3))
    assert [await each.held() for each in rights] == [None, None]


async def test_a_database_from_before_its_first_arming_is_held_where_a_later_one_was_seen(
    pool: asyncpg.Pool, homes: Iterator[Path]
) -> None:
    floor, home = ShopFloor(pool), next(homes)
    await floor.settings()
    await floor.people(2)
    assert await SendingRights(pool, floor.clock, home=home).held() is None
    await floor.launched("Tea")
    await pool.execute("DELETE FROM sending_rights")
    floor.clock.advance(timedelta(days=1))
    rights = SendingRights(pool, floor.clock, home=home)
    assert await rights.held() is Held.ROLLED_BACK
    assert await pool.fetchval("SELECT count(*) FROM sending_rights") == 0
    await rights.arm(by="operator")
    assert await rights.held() is None


async def test_two_workers_of_a_machine_that_look_at_once_hold_nothing(
    pool: asyncpg.Pool, homes: Iterator[Path]
) -> None:
    class Overtaken(SendingRights):
        async def _look(self, *asked: Any) -> Any:
            found = await super()._look(*asked)
            await pool.execute("SELECT pg_logical_emit_message(false, 'joren', 'on', true)")
            assert await SendingRights(pool, FixedClock(NOON), home=home).held() is None  # the other one, further on
            return found

    home = next(homes)
    assert await SendingRights(pool, FixedClock(NOON), home=home).held() is None
    assert await Overtaken(pool, FixedClock(NOON), home=home).held() is None


async def test_a_new_database_is_armed_though_an_older_one_was_seen_here(
    pool: asyncpg.Pool, homes: Iterator[Path]
) -> None:
    clock, home = FixedClock(NOON), next(homes)
    write_mark(home / "sending.mark", mark(armed_at=NOON - timedelta(days=1)))
    assert await SendingRights(pool, clock, home=home).held() is None


async def test_arming_counts_though_the_clock_was_ahead_before(pool: asyncpg.Pool, homes: Iterator[Path]) -> None:
    ahead, home = FixedClock(NOON + timedelta(days=1)), next(homes)
    assert await SendingRights(pool, ahead, home=home).held() is None
    await pool.execute("UPDATE sending_rights SET system_identifier = 1")
    rights = SendingRights(pool, FixedClock(NOON), home=home)
    assert await rights.held() is Held.RESTORED
    await rights.arm(by="operator")
    assert await rights.held() is None
    assert await SendingRights(pool, FixedClock(NOON), home=next(homes)).held() is None


async def test_arming_pauses_what_was_under_way_and_unschedules_what_is_due(pool: asyncpg.Pool, tmp_path: Path) -> None:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(2)
    running = await floor.launched("Running")
    due = (await floor.campaign("Due")).summary
    later = (await floor.campaign("Later")).summary
    await floor.desk.schedule(due.campaign_id, at=NOON, revision=due.revision, by="test")
    await floor.desk.schedule(later.campaign_id, at=NOON + timedelta(days=1), revision=later.revision, by="test")
    rights = SendingRights(pool, floor.clock, home=tmp_path)
    await rights.held()
    await pool.execute("UPDATE sending_rights SET system_identifier = 1")
    floor.clock.advance(timedelta(seconds=3))
    deliver, launch = rights.guard(floor.deliveries.deliver), rights.guard_job(floor.runs.launch)
    assert await rights.held() is Held.RESTORED
    assert await deliver() == 0
    assert not await launch(due.campaign_id)
    armed = await rights.arm(by="operator")
    assert armed.paused == {running: "Running"}
    assert armed.unscheduled == {due.campaign_id: "Due"}
    states = [await floor.state(number) for number in (running, due.campaign_id, later.campaign_id)]
    assert states == [State.PAUSED, State.DRAFT, State.SCHEDULED]
    assert (
        await pool.fetchval("SELECT detail ->> 'paused' FROM audit_log WHERE action = 'sending.arm'") == f"[{running}]"
    )
    assert await deliver() == 0
    await floor.desk.resume(running, by="test")
    assert await deliver() == 2
