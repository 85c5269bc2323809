"""A refresh that dies after any step, or meets another one, still moves every event once.

Saboteurs: each promise has one that breaks the code on purpose; the check must then find the fault.
"""

import asyncio
import signal
import textwrap
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.errors import Conflict
from backend.lake import compaction as compaction_module
from backend.lake import sorted_rows as sorted_rows_module
from backend.lake.compaction import Compaction
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh import batches as module
from backend.services.refresh import frame as frame_module
from backend.services.refresh import loop as loop_module
from backend.services.refresh import turn as turn_module
from backend.services.refresh.loop import Refresh
from backend.store import events
from tests.faults.steps import Died, dies_after, dies_at, steps_named
from tests.fixtures import commands
from tests.services.refreshing import Shop, identify, opened, order

pytestmark = pytest.mark.fault

STEPS = sorted(steps_named(loop_module, module, frame_module, compaction_module, sorted_rows_module, turn_module))
"""All that a refresh does: a new step is died at by itself, or turns a test red."""

SORTING = Compaction(settled=1)
"""Files of any size are sorted by customer."""


async def feed(shop: Shop) -> None:
    """Events of every sort: births, a merge, devices, orders with lines, consent."""
    lines = [{"product_id": "p", "category": "弁当", "quantity": 1, "price": 100}]
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n % 3}", products=lines) for n in range(9)))
    await shop.send("app", opened(anonymous="a1", token="t1"), identify(user="u1", anonymous="a1", push_consent=True))
    await shop.send("app", opened(user="u9", anonymous="a9", token="t9"))


async def assert_each_event_once(shop: Shop) -> None:
    """The lake holds the log, the frame is made of it, people know it."""
    seqs = await shop.log_seqs()
    assert shop.lake_seqs() == seqs
    assert shop.counted() == len(seqs)
    assert shop.lake.order_lines().select(pl.len()).collect().item() == 9
    assert await shop.pool.fetchval("SELECT count(*) FROM customer_timeline") == len(seqs)
    assert [(await shop.row(f"u{n}"))["orders"] for n in range(3)] == [3, 3, 3]
    assert (await shop.row("u1"))["launches"] == 1
    assert shop.frame.read().customers == await shop.pool.fetchval(
        "SELECT count(*) FROM customers WHERE merged_into IS NULL"
    )
    assert await shop.pool.fetchval("SELECT count(*) FROM touched_customers") == 0


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


async def test_dying_after_each_step_in_turn(shop: Shop) -> None:
    """n = 1, 2, … until a run gets through; each death is followed by a new process that goes on."""
    await feed(shop)
    for nth in range(1, 60):
        refresh = Refresh(shop.pool, shop.clock, Lake(shop.lake.location), shop.frame, largest=4, watch=dies_after(nth))
        try:
            await refresh.run_until_current()
        except Died:
            continue
        break
    else:
        pytest.fail("no run got through")
    assert nth > 8
    await assert_each_event_once(shop)


@pytest.mark.parametrize("step", STEPS)
async def test_dying_at_a_step_and_running_again(shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(loop_module, "BETWEEN_COMPACTIONS", 1)
    await feed(shop)
    dying = Refresh(shop.pool, shop.clock, shop.lake, shop.frame, compaction=SORTING, watch=dies_at(step))
    with pytest.raises(Died, match=step):
        await dying.run_once()
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)


@pytest.mark.prove
@pytest.mark.parametrize("step", STEPS)
async def test_killed_with_sigkill_at_every_step(shop: Shop, dsn: str, tmp_path: Path, step: str) -> None:
    await killed_and_run_again(shop, dsn, tmp_path, step)


@pytest.mark.parametrize("step", ["projected", "events", "customer_days", "done", "frame"])
async def test_killed_with_sigkill_and_run_again(shop: Shop, dsn: str, tmp_path: Path, step: str) -> None:
    await killed_and_run_again(shop, dsn, tmp_path, step)


async def killed_and_run_again(shop: Shop, dsn: str, home: Path, step: str) -> None:
    await feed(shop)
    script = textwrap.dedent(
        """
        import asyncio, os, signal, sys
        from pathlib import Path
        from backend.lake.compaction import Compaction
        from backend.services.refresh import loop
        from backend.store.pool import open_pool
        from tests.services.refreshing import Shop
        loop.BETWEEN_COMPACTIONS = 1
        def watch(step):
            if step == sys.argv[3]:
                os.kill(os.getpid(), signal.SIGKILL)
        async def main():
            pool = await open_pool(sys.argv[1])
            await Shop(pool, Path(sys.argv[2]), watch=watch, compaction=Compaction(settled=1)).refresh.run_once()
        asyncio.run(main())
        """
    )
    assert await asyncio.to_thread(commands.script, script, dsn, str(home), step) == -signal.SIGKILL
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)


async def test_two_refreshes_at_once_take_turns(shop: Shop, tmp_path: Path) -> None:
    await feed(shop)
    other = Shop(shop.pool, tmp_path, largest=2)
    await asyncio.gather(shop.refresh.run_until_current(), other.refresh.run_until_current())
    await assert_each_event_once(shop)


async def test_a_writer_that_lost_its_turn_is_fenced(shop: Shop) -> None:
    """Its session died while it slept between the projection and the lake; another one did the work meanwhile."""
    await feed(shop)
    asleep, wake = asyncio.Event(), asyncio.Event()
    real = module.make_rows

    def slow(*args: Any, **options: Any) -> Any:
        rows = real(*args, **options)
        loop.call_soon_threadsafe(asleep.set)
        asyncio.run_coroutine_threadsafe(wake.wait(), loop).result()
        return rows

    loop = asyncio.get_running_loop()
    sleeper = Refresh(shop.pool, shop.clock, Lake(shop.lake.location), shop.frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "make_rows", slow)
        task = asyncio.create_task(sleeper.run_once())
        await asleep.wait()
        patch.undo()
        await shop.pool.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_locks
               WHERE locktype = 'advisory' AND objid = 7236843 AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        )
        await shop.refresh.run_until_current()
        wake.set()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Conflict)):
            await task
    await shop.refresh.run_until_current()
    await assert_each_event_once(shop)


async def late_commit(shop: Shop, *, seconds: float) -> None:
    """A writer takes a low seq and commits after one with a higher seq; a refresh has so long to run in between."""
    async with shop.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.fetchval("SELECT pg_advisory_xact_lock_shared(7236842)")
        await slow.execute(
            """INSERT INTO event_log (received_day, received_at, source_id, trusted, message_id, type, event, user_id,
                                      occurred_at, time_rule, payload)
               VALUES ('2026-04-01', now(), 1, true, 'slow', 'track', 'Store Visited', 'u1', now(), 'test', '{}')"""
        )
        await shop.send("server", order("o1", 100, user="u1"))
        running = asyncio.create_task(shop.refresh.run_until_current())
        await asyncio.wait({running}, timeout=seconds)
        await transaction.commit()
        await running
    await shop.refresh.run_until_current()


async def test_a_lower_seq_that_commits_late_is_not_skipped(shop: Shop) -> None:
    await late_commit(shop, seconds=0.6)
    assert shop.lake_seqs() == await shop.log_seqs() != []


async def test_saboteur_without_the_fence_a_late_commit_is_lost(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unfenced(connection: Any) -> int:
        return int(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM event_log"))

    monkeypatch.setattr(events, "committed_upto", unfenced)
    await late_commit(shop, seconds=60)  # it does not wait for the writer, so it ends by itself
    assert shop.lake_seqs() != await shop.log_seqs()


async def test_saboteur_without_the_comparison_a_batch_is_doubled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(self: Lake, table: Table, frame: pl.DataFrame, *, app_id: str, version: int) -> bool:
        from deltalake import Transaction

        self.commit(self.open(table), table, frame, Transaction(app_id, version))
        return True

    await feed(shop)
    monkeypatch.setattr(Lake, "append", blind)
    step = 6  # locked, fenced, planned, read, projected, events
    with pytest.raises(Died, match="events"):
        await Refresh(shop.pool, shop.clock, shop.lake, shop.frame, watch=dies_after(step)).run_once()
    await shop.refresh.run_until_current()
    assert len(shop.lake_seqs()) == 2 * len(await shop.log_seqs())


@pytest.mark.parametrize("sabotaged", [False, True])
async def test_saboteur_a_queue_emptied_before_the_frame_is_in_force_loses_rows(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, sabotaged: bool
) -> None:
    await feed(shop)
    await shop.refresh.run_once()
    await shop.send("server", order("o99", 100, user="u1"))

    async def emptied_early(*_: Any, **__: Any) -> None:
        if sabotaged:
            await shop.pool.execute("DELETE FROM touched_customers")
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(frame_module.asyncio, "to_thread", _dying_at(shop.frame.write, emptied_early))
        with pytest.raises(Died):
            await shop.refresh.run_once()
    await shop.refresh.run_until_current()
    assert (await shop.row("u1"))["orders"] == (3 if sabotaged else 4)


def _dying_at(target: Any, instead: Any) -> Any:
    real = asyncio.to_thread

    async def chosen(work: Any, *args: Any, **options: Any) -> Any:
        return await (instead() if work == target else real(work, *args, **options))

    return chosen
