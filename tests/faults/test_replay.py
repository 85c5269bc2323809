"""F19: after the rule is mended, each failed event is recovered exactly once.

Replays that die, meet each other, are asked for twice, run while the SDK sends the same events again. Two nets hold: the
mark in the transaction that writes, under the rows' locks, and the dedupe of ids. Saboteurs cut both, or the transaction.
"""

import asyncio
import random
import signal
import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.errors import BadInput
from backend.services import replays as module
from backend.services.replays import Replays, Wanted
from backend.store import events, failed_events
from segments.failures import EventFailure
from segments.intake import Reception, fail_event
from tests.fixtures import commands
from tests.fixtures.sessions import quiet
from tests.services.receiving import LOOSE, STRICT, Door, own

pytestmark = pytest.mark.fault

STEPS = ("locked", "taken", "appended", "marked", "advanced", "committed")
FAILED = 12
RUNS = 50
"""Rounds of the long form."""


class Died(BaseException):
    """Not an Exception: nothing on the way may catch it."""


def dies_at(step: str, nth: int = 2) -> Callable[[str], None]:
    """A watch that stops the world at the nth time of a step."""
    seen: Counter[str] = Counter()

    def watch(name: str) -> None:
        seen[name] += 1
        if name == step and seen[name] == nth:
            raise Died(name)

    return watch


async def to_the_end(replays: Replays) -> None:
    """Work until nothing is open."""
    while await replays.work():
        pass


async def broken(pool: asyncpg.Pool, *, failed: int = FAILED) -> Door:
    """A source whose events failed, and whose plan is mended now."""
    door = await Door.open(pool)
    await door.plan(STRICT, on_violation="quarantine")
    await door.send(*(own(f"m{n}") for n in range(failed)))
    await door.plan(LOOSE, on_violation="quarantine")
    assert len(await door.failed.list(limit=failed + 1)) == failed, "there is something to replay"
    return door


async def figures(door: Door) -> tuple[int, int]:
    """How many of the events are lost, and how many rows too many there are."""
    rows = Counter(await door.rows())
    sent = await door.pool.fetchval("SELECT count(*) FROM failed_events")
    return sent - len(rows), sum(rows.values()) - len(rows)


async def assert_recovered_once(door: Door, *, sent: int = FAILED) -> None:
    """Each event has one row, each failed event its mark, and the counters say what was sent."""
    assert await figures(door) == (0, 0)
    assert await door.failed.list() == ()
    assert sum(await door.counters()) == sent
    assert await door.pool.fetchval("SELECT count(*) FROM event_replays WHERE finished_at IS NULL") == 0


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 5)


@pytest.mark.parametrize("step", STEPS)
async def test_a_replay_that_dies_is_carried_on(pool: asyncpg.Pool, step: str) -> None:
    door = await broken(pool)
    await door.replays.ask(Wanted(), actor="x")
    dying = Door(pool, door.source_id, watch=dies_at(step)).replays
    with pytest.raises(Died):
        await to_the_end(dying)
    await to_the_end(door.replays)
    await assert_recovered_once(door)


@pytest.mark.parametrize("step", ["appended", "marked", "advanced", "committed"])
async def test_a_replay_that_dies_within_a_long_list_is_carried_on(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What came behind the end of a batch is one failed event, and read in more steps than one."""
    monkeypatch.setattr(module, "EVENTS", 5)
    door = await broken(pool, failed=0)
    calls = [msgspec.json.encode(own(f"m{n}")) for n in range(FAILED)]
    reception = Reception(source_id=door.source_id, trusted=False, received_at=door.clock.now())
    behind = fail_event(b"[" + b",".join(calls) + b"]", reception, EventFailure("batch_too_long", "Too long."))
    async with pool.acquire() as connection, connection.transaction():
        await events.append(connection, [], [behind], received_at=door.clock.now())
    await door.replays.ask(Wanted(), actor="x")
    with pytest.raises(Died):
        await to_the_end(Door(pool, door.source_id, watch=dies_at(step)).replays)
    await to_the_end(door.replays)
    assert Counter(await door.rows()) == Counter(f"m{n}" for n in range(FAILED))
    assert await door.failed.list() == ()
    assert await door.counters() == (FAILED, 0, 0)


@pytest.mark.parametrize("step", ["taken", "marked", "committed"])
async def test_a_replay_that_is_killed_is_carried_on(pool: asyncpg.Pool, dsn: str, step: str) -> None:
    door = await broken(pool)
    await door.replays.ask(Wanted(), actor="x")
    script = textwrap.dedent(
        """
        import asyncio, os, signal, sys
        from backend.services import replays
        from backend.store.pool import open_pool
        from tests.services.receiving import Door
        replays.STEP = 5
        seen = []
        def watch(step):
            seen.append(step)
            if seen.count(sys.argv[3]) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        async def main():
            pool = await open_pool(sys.argv[1])
            while await Door(pool, int(sys.argv[2]), watch=watch).replays.work():
                pass
        asyncio.run(main())
        """
    )
    assert await asyncio.to_thread(commands.script, script, dsn, str(door.source_id), step) == -signal.SIGKILL
    await quiet(pool)  # until PostgreSQL has seen it, its rows are held
    await to_the_end(door.replays)
    await assert_recovered_once(door)


async def tumult(door: Door, dice: random.Random, *, failed: int, workers: int = 3) -> int:
    """Replays by all and by one, asked for more than once, by several workers, while the SDK retries. Gives the retries."""
    every = [row.failed_id for row in await door.failed.list(limit=failed)]
    retried = [own(f"m{dice.randrange(failed)}") for _ in range(failed // 2)]

    async def ask(wanted: Wanted) -> None:
        await asyncio.sleep(dice.random() / 50)
        try:
            asked = await door.replays.ask(wanted, actor="x")
            await door.replays.work(asked.replay_id)
        except BadInput:
            pass  # everything was recovered already

    async def retry(call: dict[str, Any]) -> None:
        await asyncio.sleep(dice.random() / 20)
        await door.send(call)

    wishes = [Wanted(), Wanted(code="plan_violation"), *(Wanted(failed_id=dice.choice(every)) for _ in range(3))]
    await asyncio.gather(*map(ask, wishes), *(to_the_end(door.replays) for _ in range(workers)), *map(retry, retried))
    await to_the_end(door.replays)
    return len(retried)


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_tumult_each_is_recovered_once(pool: asyncpg.Pool, seed: int) -> None:
    door = await broken(pool, failed=40)
    retried = await tumult(door, random.Random(seed), failed=40)
    await assert_recovered_once(door, sent=40 + retried)


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_in_many_tumults_each_is_recovered_once(pool: asyncpg.Pool) -> None:
    door = await Door.open(pool)
    sent = 0
    for seed in range(RUNS):
        dice = random.Random(seed)
        await door.plan(STRICT, on_violation="quarantine")
        calls = [own(f"m{seed}-{n}") for n in range(200)]
        await door.send(*calls)
        await door.plan(LOOSE, on_violation="quarantine")
        retried = dice.sample(calls, 50)
        await door.replays.ask(Wanted(), actor="x")
        crews = (door.replays, Door(pool, door.source_id, watch=dies_at(dice.choice(STEPS), nth=3)).replays)

        sending = (door.send(call) for call in retried)
        ends = await asyncio.gather(*map(to_the_end, crews), *sending, return_exceptions=True)
        assert {type(end) for end in ends if isinstance(end, BaseException)} <= {Died}
        await to_the_end(door.replays)
        sent += len(calls) + len(retried)
        assert await figures(door) == (0, 0), f"seed {seed}"
        await assert_recovered_once(door, sent=sent)


async def test_saboteur_without_locks_and_dedupe_events_are_doubled(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = failed_events.take_failed

    async def take_unheld(connection: Any, wanted: Wanted, **options: Any) -> Any:
        return await take(connection, wanted, **{**options, "hold": False})

    door = await broken(pool, failed=40)
    await pool.execute("ALTER TABLE event_ids DROP CONSTRAINT event_ids_pkey")
    monkeypatch.setattr(failed_events, "take_failed", take_unheld)
    await tumult(door, random.Random(0), failed=40)
    assert (await figures(door))[1] > 0


@pytest.mark.parametrize("sabotaged", [False, True])
async def test_saboteur_a_mark_before_the_row_loses_events(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, sabotaged: bool
) -> None:
    """Marked in a transaction of its own; the process dies before it writes the row."""
    door = await broken(pool, failed=4)
    await door.replays.ask(Wanted(), actor="x")
    recover = module.Replays._recover

    async def mark_first(self: Any, connection: Any, rows: Any) -> Any:
        if sabotaged:
            await connection.execute("ROLLBACK")  # ends the step's transaction, and its locks
            await connection.execute("UPDATE failed_events SET recovered_at = now(), recovered_as = 'stored'")
            await connection.execute("BEGIN")
        return await recover(self, connection, rows)

    with monkeypatch.context() as patch:
        patch.setattr(module.Replays, "_recover", mark_first)
        with pytest.raises(Died):
            await Door(pool, door.source_id, watch=dies_at("appended", nth=1)).replays.work()
    await to_the_end(door.replays)
    assert await figures(door) == ((4, 0) if sabotaged else (0, 0))
