"""A writer that dies at any step of dropping old days drops nothing that is not counted, and no day twice.

Saboteur: where a table's deletion does not carry its day, nobody can tell afterwards that days are gone.
"""

import asyncio
import signal
import textwrap
from pathlib import Path

import asyncpg
import pytest
from deltalake import Transaction

from backend.lake import dropping as lake_module
from backend.lake.schemas import RAW, Table
from backend.lake.tables import Lake
from backend.services.refresh import dropping as module
from backend.services.refresh.loop import Refresh
from tests.faults.steps import Died, steps_named
from tests.fixtures import commands
from tests.services.refreshing import Shop, order
from tests.services.test_dropping import MONTHS, OLD, SINCE, a_long_life, entries, keeping, oldest, rows

pytestmark = pytest.mark.fault

STEPS = [("history_noted", 1), ("history_dropped", 1), ("history_dropped", 2)]
"""Each step, and the how-manieth time: a table after the other."""


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    shop = Shop(pool, tmp_path)
    await a_long_life(shop)
    return shop


def mortal(shop: Shop, step: str, nth: int) -> Refresh:
    """A refresh in a process of its own that dies at a step."""
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        if seen.count(step) == nth and name == step:
            raise Died(name)

    return Refresh(shop.pool, shop.clock, Lake(shop.lake.location), shop.frame, history_months=MONTHS, watch=watch)


def deletions(shop: Shop) -> list[int]:
    """How often something was deleted, by raw table."""
    return [sum(entry["operation"] == "DELETE" for entry in shop.lake.open(table).history()) for table in RAW]


async def assert_dropped_once(shop: Shop, days: list[str]) -> None:
    assert rows(shop.lake, Table.CUSTOMER_DAYS) == days
    assert min(oldest(shop.lake).values()) >= SINCE
    assert shop.lake.raw_since() == SINCE
    assert deletions(shop) == [1, 1]
    assert len(await entries(shop)) == 1


def test_every_step_is_died_at() -> None:
    assert steps_named(lake_module, module) == {step for step, _ in STEPS}


@pytest.mark.parametrize(("step", "nth"), STEPS)
async def test_dying_at_a_step_and_running_again(shop: Shop, step: str, nth: int) -> None:
    days = rows(shop.lake, Table.CUSTOMER_DAYS)
    with pytest.raises(Died, match=step):
        await mortal(shop, step, nth).run_once()
    whole = min(oldest(shop.lake).values()) == OLD.date() == max(oldest(shop.lake).values())
    assert (shop.lake.raw_since() is None) == whole  # what is gone is told at once
    await keeping(shop).run_once()
    await assert_dropped_once(shop, days)


async def test_a_batch_left_half_way_is_counted_before_its_days_go(shop: Shop) -> None:
    await shop.send("server", order("late", 30, user="u1"), at=OLD)
    with pytest.raises(Died):
        await mortal(shop, "events", 1).run_once()
    assert await shop.refresh.waiting()
    await keeping(shop).run_once()
    assert (await shop.row("u1"))["orders"] == 5
    assert min(oldest(shop.lake).values()) >= SINCE


async def test_a_saboteur_who_does_not_say_what_is_gone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "Transaction", lambda _app, day: Transaction("another", day))
    await keeping(shop).run_once()
    assert min(oldest(shop.lake).values()) >= SINCE
    assert shop.lake.raw_since() is None


@pytest.mark.prove
@pytest.mark.parametrize(("step", "nth"), STEPS)
async def test_killed_at_a_step(shop: Shop, dsn: str, tmp_path: Path, step: str, nth: int) -> None:
    days = rows(shop.lake, Table.CUSTOMER_DAYS)
    script = textwrap.dedent(
        """
        import asyncio, os, signal, sys
        from pathlib import Path
        from backend.store.pool import open_pool
        from tests.services.refreshing import Shop
        seen = []
        def watch(step):
            seen.append(step)
            if seen.count(sys.argv[3]) == int(sys.argv[4]):
                os.kill(os.getpid(), signal.SIGKILL)
        async def main():
            shop = Shop(await open_pool(sys.argv[1]), Path(sys.argv[2]), history_months=13, watch=watch)
            await shop.refresh.run_once()
        asyncio.run(main())
        """
    )
    assert await asyncio.to_thread(commands.script, script, dsn, str(tmp_path), step, str(nth)) == -signal.SIGKILL
    await keeping(shop).run_once()
    await assert_dropped_once(shop, days)
