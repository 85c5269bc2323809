"""A writer that dies at any step of a day's picture, or by kill -9, skips no day and doubles none.

Saboteur: where the commit does not carry the day, a death after it doubles the day.
"""

import asyncio
import signal
import textwrap
from pathlib import Path

import asyncpg
import pytest
from deltalake import Transaction

from backend.lake import pictures as lake_module
from backend.lake.tables import Lake
from backend.services.refresh import pictures as module
from backend.services.refresh.loop import Refresh
from tests.faults.steps import Died, dies_at, steps_named
from tests.fixtures import commands
from tests.services.refreshing import Shop
from tests.services.test_pictures import DAY, FIRST, counts, live

pytestmark = pytest.mark.fault

STEPS = sorted(steps_named(lake_module, module))
WHOLE = {FIRST: (2, 2), FIRST + DAY: (3, 4)}


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path, keep_pictures=3)


def mortal(shop: Shop, step: str) -> Refresh:
    return Refresh(shop.pool, shop.clock, Lake(shop.lake.location), shop.frame, keep_pictures=3, watch=dies_at(step))


async def die_and_go_on(shop: Shop, step: str) -> None:
    await live(shop, 2)
    shop.pass_time(DAY)
    with pytest.raises(Died, match=step):
        await mortal(shop, step).run_once()
    await shop.refresh.run_once()


@pytest.mark.parametrize("step", STEPS)
async def test_dying_at_a_step_and_running_again(shop: Shop, step: str) -> None:
    await die_and_go_on(shop, step)
    assert counts(shop) == WHOLE


async def test_a_saboteur_who_does_not_note_the_day_doubles_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "Transaction", lambda _app, day: Transaction("another", day))
    await die_and_go_on(shop, "pictured")
    assert counts(shop)[FIRST + DAY] == (6, 8)


async def test_killed_half_way_through_the_pieces(shop: Shop, dsn: str, tmp_path: Path) -> None:
    await killed_and_run_again(shop, dsn, tmp_path, "piece")


@pytest.mark.prove
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_every_step(shop: Shop, dsn: str, tmp_path: Path, step: str) -> None:
    await killed_and_run_again(shop, dsn, tmp_path, step)


async def killed_and_run_again(shop: Shop, dsn: str, home: Path, step: str) -> None:
    await live(shop, 2)
    shop.pass_time(DAY)
    script = textwrap.dedent(
        """
        import asyncio, os, signal, sys
        from datetime import timedelta
        from pathlib import Path
        from backend.store.pool import open_pool
        from tests.services.refreshing import Shop
        def watch(step):
            if step == sys.argv[3]:
                os.kill(os.getpid(), signal.SIGKILL)
        async def main():
            shop = Shop(await open_pool(sys.argv[1]), Path(sys.argv[2]), keep_pictures=3, watch=watch)
            shop.pass_time(timedelta(days=2))
            await shop.refresh.run_once()
        asyncio.run(main())
        """
    )
    assert await asyncio.to_thread(commands.script, script, dsn, str(home), step) == -signal.SIGKILL
    await shop.refresh.run_once()
    assert counts(shop) == WHOLE
